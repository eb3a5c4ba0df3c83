/* SHA-256 (FIPS 180-4) of one range of bytes; uses the CPU's SHA extensions when they are there. */
#ifndef NOOS_SHA256_H
#define NOOS_SHA256_H

#include <stdint.h>

void noos_sha256(const uint8_t *bytes, uint64_t length, uint8_t digest[32]);

#endif
