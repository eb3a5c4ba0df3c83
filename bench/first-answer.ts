/** Measures the time from starting a command to its first HTTP 200, the same way for a unikernel and for Node. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

const attemptEveryMs = 1;
const giveUpAfterMs = 20_000;

/** Resolves when one of many overlapping attempts is answered: a lost SYN is not waited for. */
function firstAnswer(address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<ReturnType<typeof connect>>();
    const finish = (error?: Error): void => {
      clearInterval(timer);
      clearTimeout(limit);
      for (const socket of sockets) socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const attempt = (): void => {
      const socket = connect(port, address, () => socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'));
      sockets.add(socket);
      socket.on('error', () => sockets.delete(socket.destroy()));
      socket.on('data', (chunk) => {
        if (chunk.toString('latin1').startsWith('HTTP/1.1 200')) finish();
      });
    };
    const timer = setInterval(attempt, attemptEveryMs);
    const limit = setTimeout(() => finish(new Error(`no answer in ${giveUpAfterMs} ms`)), giveUpAfterMs);
    attempt();
  });
}

export interface Started {
  child: ChildProcess;
  /** Milliseconds from spawn to the first HTTP 200. */
  firstAnswerMs: number;
  /** What the command has written to standard output so far. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts the command and waits for its first answer. */
export async function startServer(
  command: string,
  commandArguments: string[],
  address: string,
  port: number,
): Promise<Started> {
  const begin = performance.now();
  const child = spawn(command, commandArguments, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  try {
    await firstAnswer(address, port);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  const firstAnswerMs = performance.now() - begin;
  return {
    child,
    firstAnswerMs,
    output: () => output,
    async stop() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
