/* The outcomes as the XML that continuous-integration services read. */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void print_escaped(FILE *file, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            /* XML 1.0 has no other control characters, and a build log may hold any */
            fputc((unsigned char)*text < ' ' && *text != '\n' && *text != '\t' ? '?' : *text, file);
        }
    }
}

static void print_case(FILE *file, const struct row *row)
{
    static const char *const elements[] = { [ROW_FAILED] = "failure", [ROW_SKIPPED] = "skipped" };
    fputs("  <testcase classname=\"hpck-bench\" name=\"", file);
    print_escaped(file, row->text);
    fprintf(file, "\" time=\"%.3f\">", row->seconds);
    if (row->outcome != ROW_PASSED) {
        fprintf(file, "<%s message=\"", elements[row->outcome]);
        print_escaped(file, row->message);
        fputs("\"/>", file);
    }
    fputs("</testcase>\n", file);
}

hpck_status report_junit(const char *path, const struct row *rows, int count, struct error *err)
{
    int outcomes[3] = { 0 };
    for (int i = 0; i < count; i++)
        outcomes[rows[i].outcome]++;

    FILE *file = fopen(path, "we");
    if (!file) return error_set(err, HPCK_IO, "--junit %s: %s", path, strerror(errno));
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"hpck-bench\" tests=\"%d\" failures=\"%d\" skipped=\"%d\">\n",
            count, outcomes[ROW_FAILED], outcomes[ROW_SKIPPED]);
    for (int i = 0; i < count; i++)
        print_case(file, &rows[i]);
    fputs("</testsuite>\n", file);
    bool is_bad = ferror(file) != 0;
    if (fclose(file) != 0 || is_bad) return error_set(err, HPCK_IO, "--junit %s: %s", path, strerror(errno));
    return HPCK_OK;
}
