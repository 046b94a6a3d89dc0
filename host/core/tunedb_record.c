/* One record of the tuning database as one line of JSON. */
#include "tunedb.h"

#include <ctype.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1, LINE_MAX_BYTES = 1 << 16 };

static const char *const provenances[] = {
    [PROVENANCE_MODEL] = "model",
    [PROVENANCE_MEASURED] = "measured",
    [PROVENANCE_SEARCHED] = "searched",
};
enum { PROVENANCE_COUNT = sizeof provenances / sizeof provenances[0] };

/* ---- print -------------------------------------------------------------------------------------------------- */

static const char *device_type(const struct device_fields *field)
{
    return field->is_gpu ? "gpu" : field->is_cpu ? "cpu" : "other";
}

static json_t *params_json(const struct tunedb_record *record)
{
    json_t *params = json_object();
    for (int i = 0; i < record->family->param_count; i++)
        json_object_set_new(params, record->family->params[i].name, json_integer(record->param[i]));
    return params;
}

hpck_status tunedb_record_print(const struct tunedb_record *record, char **line, struct error *err)
{
    const struct device_desc *device = &record->device;
    char problem[PROBLEM_TEXT_MAX];
    json_error_t why;
    json_t *object = json_pack_ex(
        &why, 0, "{s:i, s:{s:s, s:s, s:s, s:s, s:s, s:I, s:s}, s:s, s:s, s:o, s:f, s:f, s:i, s:s, s:s}",     //
        "v", FORMAT_VERSION,                                                                                 //
        "device", "backend", device->backend, "type", device_type(&device->field), "vendor", device->vendor, //
        "name", device->name, "architecture", device->architecture, "compute_units",                         //
        (json_int_t)device->field.compute_units, "driver", device->driver,                                   //
        "problem", problem_print(&record->problem, problem), "family", record->family->name,                 //
        "params", params_json(record), "time_ns", record->time_ns, "spread", record->spread,                 //
        "samples", record->samples, "source_hash", record->source_hash,                                      //
        "provenance", provenances[record->provenance]);
    if (object != NULL && device->is_emulated)
        json_object_set_new(json_object_get(object, "device"), "emulated", json_true());
    if (object == NULL)
        return error_set(err, HPCK_INVALID_ARGUMENT, "tuning record of %s: %s (texts must be UTF-8, times finite)",
                         problem, why.text);
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (text == NULL) return error_set(err, HPCK_OUT_OF_MEMORY, "no memory for a tuning record");
    *line = text;
    return HPCK_OK;
}

/* ---- parse -------------------------------------------------------------------------------------------------- */

/* Each read_* returns DB_FORMAT with the key in the message when the value is missing or of another kind. */

static hpck_status read_text(const json_t *object, const char *key, char *out, size_t size, struct error *err)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL) return error_set(err, HPCK_DB_FORMAT, "\"%s\" must be a string", key);
    if (strlen(text) >= size)
        return error_set(err, HPCK_DB_FORMAT, "\"%s\" is longer than %zu bytes", key, size - 1);
    strcpy(out, text);
    return HPCK_OK;
}

static hpck_status read_integer(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *out,
                                struct error *err)
{
    const json_t *value = json_object_get(object, key);
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < min || number > max)
        return error_set(err, HPCK_DB_FORMAT, "\"%s\" must be an integer from %lld to %lld", key, (long long)min,
                         (long long)max);
    *out = number;
    return HPCK_OK;
}

static hpck_status read_number(const json_t *object, const char *key, double *out, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    double number = json_number_value(value);
    if (!json_is_number(value) || !isfinite(number) || number < 0.0)
        return error_set(err, HPCK_DB_FORMAT, "\"%s\" must be a number of at least 0", key);
    *out = number;
    return HPCK_OK;
}

static hpck_status read_object(const json_t *object, const char *key, const json_t **out, struct error *err)
{
    *out = json_object_get(object, key);
    return json_is_object(*out) ? HPCK_OK : error_set(err, HPCK_DB_FORMAT, "\"%s\" must be an object", key);
}

static hpck_status read_device(const json_t *object, struct device_desc *device, struct error *err)
{
    hpck_status st = HPCK_OK;
    const json_t *key = NULL;
    char type[8];
    HPCK_TRY(read_object(object, "device", &key, err));
    HPCK_TRY(read_text(key, "backend", device->backend, sizeof device->backend, err));
    HPCK_TRY(read_text(key, "type", type, sizeof type, err));
    HPCK_TRY(read_text(key, "vendor", device->vendor, sizeof device->vendor, err));
    HPCK_TRY(read_text(key, "name", device->name, sizeof device->name, err));
    HPCK_TRY(read_text(key, "architecture", device->architecture, sizeof device->architecture, err));
    HPCK_TRY(read_text(key, "driver", device->driver, sizeof device->driver, err));
    HPCK_TRY(read_integer(key, "compute_units", 0, INT64_MAX, &device->field.compute_units, err));
    device->field.is_cpu = strcmp(type, "cpu") == 0;
    device->field.is_gpu = strcmp(type, "gpu") == 0;
    device->is_emulated = json_is_true(json_object_get(key, "emulated"));
done:
    return st;
}

static hpck_status read_problem(const json_t *object, struct problem *problem, struct error *err)
{
    char text[PROBLEM_TEXT_MAX];
    hpck_status st = read_text(object, "problem", text, sizeof text, err);
    if (st != HPCK_OK) return st;
    struct error why = { 0 };
    st = problem_parse(text, problem, &why);
    if (st == HPCK_OK)
        *problem = problem_canonical(problem);
    else /* perhaps a newer hpck's: the language grows with the library */
        st = error_set(err, HPCK_UNSUPPORTED, "%s", error_text(&why));
    error_free(&why);
    return st;
}

static hpck_status read_params(const json_t *object, struct tunedb_record *record, struct error *err)
{
    const struct family *family = record->family;
    const json_t *params = NULL;
    hpck_status st = read_object(object, "params", &params, err);
    if (st != HPCK_OK) return st;
    for (int i = 0; i < family->param_count; i++) {
        const char *name = family->params[i].name;
        const json_t *value = json_object_get(params, name);
        if (value != NULL && !json_is_integer(value))
            return error_set(err, HPCK_DB_FORMAT, "parameter \"%s\" must be an integer", name);
        record->param[i] = json_integer_value(value);
        if (value == NULL || !family_param_allows(family, i, record->param[i]))
            return error_set(err, HPCK_UNSUPPORTED, "%s has no such value of \"%s\"", family->name, name);
    }
    if (json_object_size(params) != (size_t)family->param_count)
        return error_set(err, HPCK_UNSUPPORTED, "%s has not all of these parameters", family->name);
    return HPCK_OK;
}

static hpck_status read_family(const json_t *object, struct tunedb_record *record, struct error *err)
{
    char name[64];
    struct problem room;
    hpck_status st = read_text(object, "family", name, sizeof name, err);
    if (st != HPCK_OK) return st;
    record->family = family_find(name);
    if (record->family == NULL) return error_set(err, HPCK_UNSUPPORTED, "there is no family \"%s\"", name);
    if (problem_as(&record->problem, record->family->op, &room) == NULL)
        return error_set(err, HPCK_DB_FORMAT, "family %s computes another operation than the problem", name);
    return read_params(object, record, err);
}

static hpck_status read_hash(const json_t *object, char hash[17], struct error *err)
{
    hpck_status st = read_text(object, "source_hash", hash, 17, err);
    if (st == HPCK_OK && strspn(hash, "0123456789abcdef") != 16)
        st = error_set(err, HPCK_DB_FORMAT, "\"source_hash\" must be 16 hexadecimal digits");
    return st;
}

static hpck_status read_provenance(const json_t *object, enum provenance *provenance, struct error *err)
{
    char name[16];
    hpck_status st = read_text(object, "provenance", name, sizeof name, err);
    if (st != HPCK_OK) return st;
    for (int i = 0; i < PROVENANCE_COUNT; i++) {
        if (strcmp(provenances[i], name) != 0) continue;
        *provenance = (enum provenance)i;
        return HPCK_OK;
    }
    return error_set(err, HPCK_DB_FORMAT, "\"provenance\" must be model, measured or searched");
}

static hpck_status read_record(const json_t *object, struct tunedb_record *record, struct error *err)
{
    hpck_status st = HPCK_OK;
    int64_t number = 0;
    HPCK_TRY(read_integer(object, "v", 1, INT_MAX, &number, err));
    if (number != FORMAT_VERSION)
        HPCK_FAIL(err, HPCK_UNSUPPORTED, "format version %lld; this hpck reads %d", (long long)number,
                  FORMAT_VERSION);
    HPCK_TRY(read_device(object, &record->device, err));
    HPCK_TRY(read_number(object, "time_ns", &record->time_ns, err));
    if (record->time_ns == 0.0) HPCK_FAIL(err, HPCK_DB_FORMAT, "\"time_ns\" must be more than 0");
    HPCK_TRY(read_number(object, "spread", &record->spread, err));
    HPCK_TRY(read_integer(object, "samples", 0, INT_MAX, &number, err));
    record->samples = (int)number;
    HPCK_TRY(read_hash(object, record->source_hash, err));
    HPCK_TRY(read_provenance(object, &record->provenance, err));
    HPCK_TRY(read_problem(object, &record->problem, err));
    HPCK_TRY(read_family(object, record, err));
done:
    return st;
}

hpck_status tunedb_record_parse(const char *line, size_t length, struct tunedb_record *record, struct error *err)
{
    if (length > LINE_MAX_BYTES)
        return error_set(err, HPCK_DB_FORMAT, "a line of %zu bytes is no record: at most %d", length,
                         LINE_MAX_BYTES);
    json_error_t why;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL) return error_set(err, HPCK_DB_FORMAT, "column %d: %s", why.column, why.text);
    struct tunedb_record parsed = { 0 };
    hpck_status st = json_is_object(object) ? read_record(object, &parsed, err)
                                            : error_set(err, HPCK_DB_FORMAT, "a record must be an object");
    json_decref(object);
    if (st == HPCK_OK) *record = parsed;
    return st;
}

bool tunedb_record_is_stale(const struct tunedb_record *record)
{
    enum dialect dialect = strcmp(record->device.backend, "cuda") == 0 ? DIALECT_CUDA : DIALECT_OPENCL;
    const struct family_text *text = family_text(record->family, dialect, &record->problem);
    return text == NULL || strcmp(text->hash, record->source_hash) != 0;
}
