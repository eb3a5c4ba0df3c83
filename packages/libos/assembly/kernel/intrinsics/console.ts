// consoleWrite, exit, setDispatch, parameters. In: host calls. Out: console bytes, the end. May import: engine/, platform/.
import { Buffer } from '../../engine/buffer';
import { context } from '../../engine/context';
import { throwError } from '../../engine/errors';
import { JS_DupValue, JS_IsFunction } from '../../engine/quickjs';
import { newString, readString } from '../../engine/text';
import { JS_EXCEPTION, JS_UNDEFINED, toI32, toU32 } from '../../engine/value';
import { consoleWrite } from '../../platform/index';
import { setDispatchFunction } from '../dispatch';
import { parametersAddress, parametersLength } from '../parameters';
import { requestExit } from '../phase';
import { argument, define, NEEDS_START } from './define';

const text: Buffer = changetype<Buffer>(memory.data(12));

const SET_DISPATCH: i32 = 0x00;
const CONSOLE_WRITE: i32 = 0x01;
const EXIT: i32 = 0x02 | NEEDS_START;
const PARAMETERS: i32 = 0x03 | NEEDS_START;

export function defineConsole(host: u64): void {
  define(host, 'setDispatch', 1, SET_DISPATCH);
  define(host, 'consoleWrite', 2, CONSOLE_WRITE);
  define(host, 'exit', 1, EXIT);
  define(host, 'parameters', 0, PARAMETERS);
}

export function callConsole(magic: i32, argv: u32): u64 {
  switch (magic) {
    case SET_DISPATCH: {
      const callee = argument(argv, 0);
      if (!JS_IsFunction(context, callee)) return throwError('TypeError', 'setDispatch wants a function');
      setDispatchFunction(JS_DupValue(context, callee));
      return JS_UNDEFINED;
    }
    case CONSOLE_WRITE: {
      if (!readString(argument(argv, 1), text)) return JS_EXCEPTION;
      consoleWrite(toI32(argument(argv, 0)) == 2 ? 2 : 1, text.address, text.length);
      return JS_UNDEFINED;
    }
    case EXIT:
      requestExit(toU32(argument(argv, 0)));
      return JS_UNDEFINED;
    default:
      return newString(parametersAddress, parametersLength);
  }
}
