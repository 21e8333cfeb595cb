/* study/claims.h - what registry.c lists. */
#ifndef DWELL_STUDY_CLAIMS_H
#define DWELL_STUDY_CLAIMS_H

#include "base/error.h"
#include "base/mem.h"
#include "study/evidence.h"

extern const claim claim_clusters, claim_persistence, claim_alignment, claim_energy, claim_timescales, claim_speed,
    claim_classes, claim_emergence, claim_length, claim_depth, claim_masks;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
