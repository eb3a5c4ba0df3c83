/**
 * Asks services at many addresses at once, from the network namespace it runs in: what each answers.
 *
 * In: a list of questions as JSON, the argument. Out: the answers in the same order, "" for silence, on standard
 * output. May import: nothing, as it is also a program.
 */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Question {
  protocol: 'tcp' | 'udp';
  /** With a zone where IPv6 needs one. */
  address: string;
  port: number;
  /** Asked again until it answers, for as long as services may take to start; false: once. */
  expected: boolean;
}

const startMs = 15_000;
const answerMs = 1500;

function askTcp({ address, port }: Question): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: address, port });
    socket.setTimeout(answerMs, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      answer += String(bytes);
    });
    socket.on('close', () => resolve(answer));
  });
}

/** The socket is connected: an answer from another address than the one asked is not seen. */
function askUdp({ address, port }: Question): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (answer: string) => {
      clearTimeout(late);
      socket.close(() => resolve(answer));
    };
    const late = setTimeout(() => end(''), answerMs);
    socket.once('error', () => end(''));
    socket.once('message', (bytes) => end(String(bytes)));
    socket.connect(port, address, () => socket.send('question', () => {}));
  });
}

async function answerTo(question: Question): Promise<string> {
  for (const end = Date.now() + startMs; ; await sleep(100)) {
    const answer = await (question.protocol === 'tcp' ? askTcp(question) : askUdp(question));
    if (answer !== '' || !question.expected || Date.now() > end) return answer.trim();
  }
}

if (process.argv[1] === import.meta.filename) {
  const questions = JSON.parse(process.argv[2]!) as Question[];
  process.stdout.write(JSON.stringify(await Promise.all(questions.map(answerTo))));
}
