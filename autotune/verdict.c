/* Always against the old choice: a leader that was lucky in an earlier confirmation has to show its gain again in the next one. */
#include "verdict.h"

bool verdict_counts(const struct worker_side *side)
{
    return side->outcome == OUTCOME_OK && side->time.samples > 0;
}

int verdict(const struct worker_side *sides, int count, double min_gain)
{
    int winner = verdict_counts(&sides[0]) ? 0 : -1;
    for (int i = 1; i < count; i++) {
        if (!verdict_counts(&sides[i])) continue;
        const bool is_gain = sides[i].ratio.median * (1.0 + min_gain) < 1.0 && sides[i].ratio.p75 < 1.0;
        if (verdict_counts(&sides[0]) && !is_gain) continue;
        if (winner > 0 && sides[i].time.median >= sides[winner].time.median) continue;
        winner = i;
    }
    return winner;
}
