/* The journal: what is written comes back, and no line that somebody else wrote can hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_families.h"
#include "fake_records.h"
#include "journal.h"
#include "scratch.h"

static struct journal_entry entry_of(int64_t tile_m, enum outcome outcome, const char *message)
{
    struct journal_entry entry = { .record = fake_record("gemm:f32:nn:m8n8k8", tile_m, 8, 1000.0),
                                   .outcome = outcome };
    trial_message(entry.message, message);
    return entry;
}

static void load(struct journal *journal)
{
    struct error err = { HPCK_OK, NULL };
    if (journal_load(journal, scratch_path("db"), &err) != HPCK_OK) fail_msg("%s", error_text(&err));
}

static void append(struct journal *journal, const struct journal_entry *entry)
{
    struct error err = { HPCK_OK, NULL };
    if (journal_append(journal, entry, &err) != HPCK_OK) fail_msg("%s", error_text(&err));
}

static void a_missing_journal_is_empty(void **state)
{
    (void)state;
    struct journal journal;
    load(&journal);
    assert_int_equal(journal.count, 0);
    assert_int_equal(access(journal.path, F_OK), -1); /* reading does not make it */
    journal_close(&journal);
}

static void what_was_appended_comes_back(void **state)
{
    (void)state;
    struct journal journal;
    load(&journal);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        struct journal_entry entry = entry_of(8, (enum outcome)outcome, "log: \"quoted\"\n\ttabs, \\ and \xc3\xa9");
        append(&journal, &entry);
    }
    journal_close(&journal);

    load(&journal);
    assert_int_equal(journal.count, OUTCOME_COUNT);
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        const struct journal_entry *entry = &journal.entries[outcome];
        assert_int_equal(entry->outcome, outcome);
        assert_string_equal(entry->message, "log: \"quoted\"  tabs, \\ and   ");
        assert_ptr_equal(entry->record.family, &fake_tile);
        assert_int_equal(entry->record.param[0], 8);
        assert_float_equal(entry->record.time_ns, 1000.0, 1e-6);
    }
    journal_close(&journal);
}

static void a_line_cut_off_by_a_kill_costs_itself_only(void **state)
{
    (void)state;
    struct journal journal;
    struct journal_entry entry = entry_of(64, OUTCOME_OK, "");
    char *line = NULL;
    assert_int_equal(journal_print(&entry, &line, NULL), HPCK_OK);
    for (size_t kept = 1; kept < strlen(line); kept += 7) {
        scratch_write("db.journal", line, kept);
        load(&journal);
        assert_int_equal(journal.stats.malformed, 1);
        append(&journal, &entry);
        journal_close(&journal);
        load(&journal);
        assert_int_equal(journal.stats.malformed, 1);
        assert_int_equal(journal.count, 1);
        journal_close(&journal);
    }
    free(line);
}

static void bad_lines_are_counted_and_passed_over(void **state)
{
    (void)state;
    struct journal journal;
    struct journal_entry good = entry_of(8, OUTCOME_OK, "");
    struct journal_entry stale = good;
    char *line = NULL, *stale_line = NULL;
    char text[16384];
    strcpy(stale.record.source_hash, "00000000000000ff");
    assert_int_equal(journal_print(&good, &line, NULL), HPCK_OK);
    assert_int_equal(journal_print(&stale, &stale_line, NULL), HPCK_OK);
    snprintf(text, sizeof text,
             "%s\n\n[]\n{}\n{\"v\":\"1\"}\nnull\n{\"v\":1,\"outcome\":\"ok\"}\n{\"v\":1,\"outcome\":\"ok\","
             "\"message\":\"\","
             "\"record\":{}}\n{\"v\":2,\"anything\":[]}\n{\"v\":1,\"outcome\":\"melted\",\"message\":\"\","
             "\"record\":{}}\n%s\n\x01\xff\xfe\n",
             line, stale_line);
    scratch_write("db.journal", text, strlen(text));
    load(&journal);
    assert_int_equal(journal.count, 1);
    assert_int_equal(journal.stats.entries, 1);
    assert_int_equal(journal.stats.unknown, 2);
    assert_int_equal(journal.stats.stale, 1);
    assert_int_equal(journal.stats.malformed, 7);
    journal_close(&journal);
    free(line);
    free(stale_line);
}

static void deep_and_long_lines_do_no_harm(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    struct journal journal;
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, '[', SIZE);
    scratch_write("db.journal", text, SIZE);
    load(&journal);
    assert_int_equal(journal.stats.malformed, 1);
    journal_close(&journal);
    memset(text, 0, SIZE);
    scratch_write("db.journal", text, SIZE);
    load(&journal);
    assert_int_equal(journal.stats.malformed, 1);
    journal_close(&journal);
    free(text);
}

static void what_is_no_file_is_an_error(void **state)
{
    (void)state;
    struct journal journal;
    struct error err = { HPCK_OK, NULL };
    char path[4096];
    snprintf(path, sizeof path, "%s", scratch_path("folder/db"));
    scratch_write("blocker", "x", 1);
    assert_int_equal(symlink("/dev/zero", scratch_path("db.journal")), 0);
    assert_int_equal(journal_load(&journal, scratch_path("db"), &err), HPCK_IO);
    assert_non_null(strstr(error_text(&err), "db.journal"));

    struct journal_entry entry = entry_of(8, OUTCOME_OK, "");
    assert_int_equal(journal_load(&journal, path, &err), HPCK_OK); /* nothing there: empty, but no place to write */
    assert_int_equal(journal_append(&journal, &entry, &err), HPCK_IO);
    assert_non_null(strstr(error_text(&err), "cannot be written"));
    journal_close(&journal);
    error_free(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_journal_is_empty, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_was_appended_comes_back, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_line_cut_off_by_a_kill_costs_itself_only, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(bad_lines_are_counted_and_passed_over, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(deep_and_long_lines_do_no_harm, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_an_error, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
