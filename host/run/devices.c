/* The list of devices over all backends, and choosing one of them. */
#include "devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env.h"
#include "strbuf.h"

enum { DEVICES_MAX = 64 };

struct device_list {
    int count;
    const struct backend *backend[DEVICES_MAX];
    struct device_desc desc[DEVICES_MAX];
};

/* A backend without a driver adds nothing to the list; why is added to `absent`. */
static hpck_status list_devices(struct device_list *list, struct strbuf *absent, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct error reason = { 0 };
    list->count = 0;
    for (int i = 0; i < backend_count && list->count < DEVICES_MAX; i++) {
        int count = 0;
        int room = DEVICES_MAX - list->count;
        st = backends[i]->enumerate(list->desc + list->count, room, &count, &reason);
        if (st == HPCK_NO_DEVICE) {
            strbuf_addf(absent, " (%s)", error_text(&reason));
            st = HPCK_OK;
            continue;
        }
        if (st != HPCK_OK) HPCK_FAIL(err, st, "%s", error_text(&reason));
        if (count > room) count = room;
        for (int d = 0; d < count; d++)
            list->backend[list->count++] = backends[i];
    }
done:
    error_free(&reason);
    return st;
}

static void print_list(const struct device_list *list, const char *part, struct strbuf *text)
{
    for (int i = 0; i < list->count; i++)
        if (part == NULL || strstr(list->desc[i].name, part) != NULL)
            strbuf_addf(text, "\n  %s  %s", list->desc[i].selector, list->desc[i].name);
}

static int best_device(const struct device_list *list)
{
    for (int i = 0; i < list->count; i++)
        if (list->desc[i].field.is_gpu) return i;
    for (int i = 0; i < list->count; i++)
        if (list->desc[i].field.is_cpu) return i;
    return 0;
}

/* A selector, or a part of the name that fits only one. */
static hpck_status match(const struct device_list *list, const char *what, const char *request, int *index,
                         struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf text = { 0 };
    int matches = 0;
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->desc[i].selector, request) == 0) {
            *index = i;
            goto done;
        }
        if (strstr(list->desc[i].name, request) == NULL) continue;
        *index = i;
        matches++;
    }
    if (matches == 1) goto done;
    print_list(list, matches > 1 ? request : NULL, &text);
    if (matches > 1)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "%s = \"%s\" fits %d devices; use a selector:%s", what, request,
                  matches, text.text != NULL ? text.text : "");
    HPCK_FAIL(err, HPCK_NO_DEVICE, "%s = \"%s\" fits no device; there are:%s", what, request,
              text.text != NULL ? text.text : "");
done:
    strbuf_free(&text);
    return st;
}

hpck_status devices_choose(const char *request, const struct backend **backend, struct device_desc *desc,
                           struct error *err)
{
    hpck_status st = HPCK_OK;
    struct strbuf absent = { 0 };
    const char *what = "device";
    int index = 0;
    struct device_list *list = malloc(sizeof *list);
    if (list == NULL) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "device: out of memory for the list of devices");
    if (request == NULL) {
        request = env_get("HPCK_DEVICE");
        what = "HPCK_DEVICE";
    }
    HPCK_TRY(list_devices(list, &absent, err));
    if (list->count == 0)
        HPCK_FAIL(err, HPCK_NO_DEVICE, "device: no driver offers a device%s",
                  absent.text != NULL ? absent.text : "");
    if (request != NULL)
        HPCK_TRY(match(list, what, request, &index, err));
    else
        index = best_device(list);
    *backend = list->backend[index];
    *desc = list->desc[index];
done:
    strbuf_free(&absent);
    free(list);
    return st;
}

void device_info_fill(const struct device_desc *desc, hpck_device_info *info)
{
    *info =
        (hpck_device_info){ .compute_units = desc->field.compute_units, .global_bytes = desc->field.global_bytes };
    memcpy(info->selector, desc->selector, sizeof info->selector);
    memcpy(info->name, desc->name, sizeof info->name);
    memcpy(info->vendor, desc->vendor, sizeof info->vendor);
    memcpy(info->driver, desc->driver, sizeof info->driver);
    snprintf(info->type, sizeof info->type, "%s",
             desc->field.is_cpu ? "cpu" : (desc->field.is_gpu ? "gpu" : "other"));
}

hpck_status hpck_devices(hpck_device_info *devices, size_t capacity, size_t *count)
{
    hpck_status st = HPCK_OK;
    struct error err = { 0 };
    struct strbuf absent = { 0 };
    struct device_list *list = NULL;
    if (count == NULL || (devices == NULL && capacity > 0)) {
        st = HPCK_INVALID_ARGUMENT;
        goto done;
    }
    *count = 0;
    list = malloc(sizeof *list);
    if (list == NULL) {
        st = HPCK_OUT_OF_MEMORY;
        goto done;
    }
    HPCK_TRY(list_devices(list, &absent, &err));
    *count = (size_t)list->count;
    for (size_t i = 0; i < *count && i < capacity; i++)
        device_info_fill(&list->desc[i], &devices[i]);
done:
    free(list);
    strbuf_free(&absent);
    error_free(&err);
    return st;
}
