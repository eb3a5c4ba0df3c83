;; A tiny guest in the place of libos: what it does is chosen by the last start parameter, `do=<letter>`.
;; Turns and frames of packages/native's tests, one letter per property.
(module
  (import "platform" "console_write" (func $console (param i32 i32 i32)))
  (import "platform" "exit" (func $exit (param i32)))
  (import "platform" "panic" (func $panic (param i32 i32)))
  (import "platform" "entropy_read" (func $entropy (param i32 i32)))
  (import "platform" "parameters_read" (func $parameters (param i32 i32) (result i32)))
  (import "platform" "net_receive" (func $receive (param i32 i32 i32) (result i32)))
  (import "platform" "net_transmit" (func $transmit (param i32 i32 i32) (result i32)))
  (import "platform" "block_submit" (func $submit (param i32 i32 i32 i64 i32 i32 i32) (result i32)))
  (import "platform" "block_complete" (func $complete (param i32 i32 i32) (result i64)))
  (memory (export "memory") 4)
  (global $turns (export "g0") (mut i32) (i32.const 0))
  (global $do (export "g1") (mut i64) (i64.const 0))
  ;; Length of the frame at 0x10000 that net_transmit refused.
  (global $held (export "g2") (mut i32) (i32.const 0))
  ;; 0x2000: texts, stored by the image (guest.ts). 0x8000: parameters. 0x10000: frames. 0x30000: a sector.

  (func (export "engine_nothing"))
  (func $say (param $address i32) (param $length i32)
    (call $console (i32.const 1) (local.get $address) (local.get $length)))
  (func $is (param $letter i32) (result i32) (i64.eq (global.get $do) (i64.extend_i32_u (local.get $letter))))
  ;; Work after the call keeps the compiler from making a loop of it.
  (func $recurse (param $depth i64) (result i64)
    (local $result i64)
    (local.set $result (call $recurse (i64.xor (local.get $depth) (i64.load (i32.const 0x2000)))))
    (i64.store (i32.const 0x3000) (local.get $result))
    (i64.load (i32.const 0x3008)))

  ;; e: sends every received frame back; keeps one that is refused.
  (func $echo
    (block $full
      (loop $next
        (if (i32.eqz (global.get $held))
          (then (global.set $held (call $receive (i32.const 0) (i32.const 0x10000) (i32.const 0x11000)))))
        (br_if $full (i32.eqz (global.get $held)))
        (br_if $full (i32.eqz (call $transmit (i32.const 0) (i32.const 0x10000) (global.get $held))))
        (global.set $held (i32.const 0))
        (br $next))))

  (func (export "start") (param $now i64) (param i64) (result i64)
    (local $length i32)
    (local.set $length (call $parameters (i32.const 0x8000) (i32.const 0x4000)))
    (global.set $do (i64.load8_u (i32.sub (i32.add (i32.const 0x8000) (local.get $length)) (i32.const 2))))
    ;; p: prints the parameters.
    (if (call $is (i32.const 112))
      (then (call $say (i32.const 0x8000) (local.get $length)) (call $exit (i32.const 0))))
    ;; m: an access outside memory.
    (if (call $is (i32.const 109)) (then (i32.store (i32.const 0x7fff0000) (i32.const 1))))
    ;; r: endless recursion.
    (if (call $is (i32.const 114)) (then (drop (call $recurse (local.get $now)))))
    ;; u: unreachable.
    (if (call $is (i32.const 117)) (then unreachable))
    ;; b: panic ("boom").
    (if (call $is (i32.const 98)) (then (call $panic (i32.const 0x2000) (i32.const 4))))
    ;; g: a range outside memory handed to the platform.
    (if (call $is (i32.const 103)) (then (call $say (i32.const 0x3fff0) (i32.const 0x20))))
    ;; n: 16 random bytes.
    (if (call $is (i32.const 110))
      (then
        (call $entropy (i32.const 0x8000) (i32.const 16))
        (call $say (i32.const 0x8000) (i32.const 16))
        (call $exit (i32.const 0))))
    ;; d: writes "boom…" to sector 1, reads it back; exits with the first byte read.
    (if (call $is (i32.const 100))
      (then
        (drop (call $submit (i32.const 0) (i32.const 1) (i32.const 7) (i64.const 1) (i32.const 0) (i32.const 0x2000) (i32.const 512)))
        (drop (call $submit (i32.const 0) (i32.const 2) (i32.const 8) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (drop (call $submit (i32.const 0) (i32.const 0) (i32.const 9) (i64.const 1) (i32.const 1) (i32.const 0) (i32.const 0)))))
    ;; k: submits outside the disk and to a missing one; exits with 10 × first answer + second.
    (if (call $is (i32.const 107))
      (then
        (call $exit
          (i32.add
            (i32.mul (i32.const 10)
              (call $submit (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 9999) (i32.const 1) (i32.const 0) (i32.const 0)))
            (call $submit (i32.const 5) (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 1) (i32.const 0) (i32.const 0))))))
    ;; f: fills the transmit queue, prints "full" when it is.
    (if (call $is (i32.const 102))
      (then
        (loop $more (br_if $more (call $transmit (i32.const 0) (i32.const 0x10000) (i32.const 0x8000))))
        (call $say (i32.const 0x200c) (i32.const 5))))
    ;; h: grows memory and writes to the new pages.
    (if (call $is (i32.const 104))
      (then
        (if (i32.ne (memory.grow (i32.const 100)) (i32.const 4)) (then unreachable))
        (i32.store (i32.const 0x60fffc) (i32.const 1))
        (call $exit (i32.load (i32.const 0x60fffc)))))
    ;; t: a turn every 10 ms.
    (if (result i64) (call $is (i32.const 116))
      (then (i64.add (local.get $now) (i64.const 10000000)))
      (else (i64.const -1))))

  (func (export "turn") (param $now i64) (param i64) (param $events i32) (result i64)
    (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
    ;; t: says "turn" three times, exits with 5.
    (if (call $is (i32.const 116))
      (then
        (call $say (i32.const 0x2004) (i32.const 5))
        (if (i32.eq (global.get $turns) (i32.const 3)) (then (call $exit (i32.const 5))))
        (return (i64.add (local.get $now) (i64.const 10000000)))))
    ;; d: completions in order; the read is the third.
    (if (i32.and (local.get $events) (i32.const 4))
      (then
        (if (i64.ne (call $complete (i32.const 0) (i32.const 0x30000) (i32.const 512)) (i64.const 7)) (then unreachable))
        (if (i64.ne (call $complete (i32.const 0) (i32.const 0x30000) (i32.const 512)) (i64.const 8)) (then unreachable))
        (if (i64.ne (call $complete (i32.const 0) (i32.const 0x30000) (i32.const 512)) (i64.const 9)) (then unreachable))
        (if (i64.ne (call $complete (i32.const 0) (i32.const 0x30000) (i32.const 512)) (i64.const -1)) (then unreachable))
        (call $exit (i32.load8_u (i32.const 0x30000)))))
    (if (call $is (i32.const 101)) (then (call $echo)))
    ;; f: exits once the queue takes frames again.
    (if (i32.and (call $is (i32.const 102)) (i32.eq (local.get $events) (i32.const 2)))
      (then (call $exit (i32.const 0))))
    ;; stop: says "stop" and exits, except l, which loops for ever.
    (if (i32.and (local.get $events) (i32.const 8))
      (then
        (call $say (i32.const 0x2011) (i32.const 5))
        (if (call $is (i32.const 108)) (then (loop $ever (br $ever))))
        (call $exit (i32.const 0))))
    (i64.const -1)))
