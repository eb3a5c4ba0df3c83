/**
 * The docker command line on a terminal, as a person has it: keys in, screen out, a window with a size.
 *
 * In: words. Out: a session. May import: the fixture.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ending, TestDaemon } from './daemon.js';

/** Runs its arguments on a pseudo-terminal of 24 rows and 80 columns; SIGUSR1 makes it 50 by 132. */
const bridge = `
import fcntl, os, pty, select, signal, struct, sys, termios
def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
pid, master = pty.fork()
if pid == 0:
    size(0, 24, 80)
    os.execvp(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGUSR1, lambda *_: size(master, 50, 132))
inputs = [0, master]
while True:
    ready, _, _ = select.select(inputs, [], [])
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b''
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if data:
            os.write(master, data)
        else:
            inputs.remove(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
`;

export interface Terminal {
  type(keys: string): void;
  /** Waits until the screen shows `text` (since the last call); resolves with what was shown until then. */
  shows(text: string | RegExp): Promise<string>;
  enlarge(): void;
  /** Resolves with the exit code. */
  ended(): Promise<number>;
}

const patienceMs = 20_000;

/** Starts `docker <words>` on a terminal of its own. */
export function openTerminal(t: Ending, daemon: TestDaemon, ...words: string[]): Terminal {
  const child = spawn('python3', ['-c', bridge, 'docker', ...words], {
    env: {
      ...process.env,
      TERM: 'xterm',
      DOCKER_HOST: `unix://${daemon.socket}`,
      DOCKER_CONFIG: daemon.scratch,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  child.stdin.on('error', () => {});
  const closed = once(child, 'close');
  const lateness = () => AbortSignal.timeout(patienceMs);
  return {
    type: (keys) => void child.stdin.write(keys),
    async shows(text) {
      const late = lateness();
      for (;;) {
        const match = typeof text === 'string' ? screen.indexOf(text) : screen.search(text);
        if (match >= 0) {
          const found = typeof text === 'string' ? text : text.exec(screen)![0];
          const shown = screen.slice(0, match + found.length);
          screen = screen.slice(shown.length);
          return shown;
        }
        assert.ok(!late.aborted, `the terminal never showed ${text}, but:\n${screen}`);
        await sleep(10);
      }
    },
    enlarge: () => void child.kill('SIGUSR1'),
    async ended() {
      const [code] = (await closed) as [number];
      return code;
    },
  };
}
