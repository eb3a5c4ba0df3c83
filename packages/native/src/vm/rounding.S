/* The rounding functions of C's <math.h> that gcc calls instead of inlining in code it takes to be rarely run. SSE4.1:
 * bits 0-1 the direction, bit 2 the current direction instead, bit 3 without the inexact exception. */

  .macro rounding name, instruction, mode
  .section .text.\name, "ax", @progbits
  .globl \name
\name:
  \instruction $\mode, %xmm0, %xmm0
  ret
  .endm

  rounding floor, roundsd, 9
  rounding ceil, roundsd, 10
  rounding trunc, roundsd, 11
  rounding nearbyint, roundsd, 12
  rounding floorf, roundss, 9
  rounding ceilf, roundss, 10
  rounding truncf, roundss, 11
  rounding nearbyintf, roundss, 12
