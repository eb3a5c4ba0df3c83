/* Random numbers for keys: ChaCha20 (RFC 8439) keyed by the entropy device, the key replaced by part of every output
 * (fast key erasure), so that what was handed out cannot be computed from a later state. */
#include "vm.h"

#define BLOCK_BYTES 64
#define KEY_BYTES 32
#define BUFFER_BYTES 512

static uint32_t key[8];
static uint8_t buffer[BUFFER_BYTES];
static uint32_t available;
static bool seeded;

static uint32_t rotate(uint32_t value, uint32_t bits) { return value << bits | value >> (32 - bits); }

static void quarter(uint32_t *x, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

static void block(uint32_t counter, uint8_t out[BLOCK_BYTES]) {
  uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0], key[1], key[2], key[3],
                        key[4],     key[5],     key[6],     key[7],     counter, 0,     0,      0};
  uint32_t x[16];
  memcpy(x, start, sizeof x);
  for (uint32_t round = 0; round < 10; round++) {
    quarter(x, 0, 4, 8, 12), quarter(x, 1, 5, 9, 13), quarter(x, 2, 6, 10, 14), quarter(x, 3, 7, 11, 15);
    quarter(x, 0, 5, 10, 15), quarter(x, 1, 6, 11, 12), quarter(x, 2, 7, 8, 13), quarter(x, 3, 4, 9, 14);
  }
  for (uint32_t i = 0; i < 16; i++) x[i] += start[i];
  memcpy(out, x, BLOCK_BYTES);
}

void random_seed(const uint8_t seed[KEY_BYTES]) {
  memcpy(key, seed, KEY_BYTES);
  available = 0;
  seeded = true;
}

void random_read(uint8_t *bytes, uint32_t length) {
  if (!seeded) panic("random numbers asked for before there was entropy");
  while (length > 0) {
    if (available == 0) {
      for (uint32_t i = 0; i < BUFFER_BYTES / BLOCK_BYTES; i++) block(i, buffer + i * BLOCK_BYTES);
      memcpy(key, buffer, KEY_BYTES);
      memset(buffer, 0, KEY_BYTES);
      available = BUFFER_BYTES - KEY_BYTES;
    }
    uint32_t count = length < available ? length : available;
    uint8_t *from = buffer + BUFFER_BYTES - available;
    memcpy(bytes, from, count);
    memset(from, 0, count);
    available -= count;
    bytes += count;
    length -= count;
  }
}
