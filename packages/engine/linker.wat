;; Joins engine.wasm and libos.wasm on a JavaScript host without JavaScript between them: the engine's imports
;; are these functions, which call what the embedder has put into the table (exports of libos). A JSValue is an i64,
;; and a call through JavaScript would make a BigInt of it. The native runtimes link directly.
(module
  (type $call (func (param i32 i64 i32 i32 i32) (result i64)))
  (type $rejection (func (param i32 i64 i64 i32 i32)))
  (type $clock (func (param i32 i64 i32) (result i32)))
  (table $t (export "table") 3 3 funcref)
  (func (export "call") (type $call)
    (call_indirect $t (type $call)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (i32.const 0)))
  (func (export "promise_rejection") (type $rejection)
    (call_indirect $t (type $rejection)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (i32.const 1)))
  (func (export "clock_time_get") (type $clock)
    (call_indirect $t (type $clock)
      (local.get 0) (local.get 1) (local.get 2) (i32.const 2))))
