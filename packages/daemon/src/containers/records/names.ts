/**
 * Names of containers. In: what the user wants, or nothing. Out: a valid name. May import: errors.
 */
import { randomInt } from 'node:crypto';
import { DaemonError } from '../../errors.js';

const pattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Throws invalid with Docker's text; `wanted` may start with a slash, the result does not. */
export function checkName(wanted: string): string {
  const name = wanted.startsWith('/') ? wanted.slice(1) : wanted;
  if (!pattern.test(name))
    throw new DaemonError(
      'invalid',
      `Invalid container name (${wanted}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  return name;
}

const adjectives =
  'able agile amber ample apt azure bold brave breezy bright brisk busy calm candid careful cheery civil clear clever cosy crisp curious dapper daring deft dreamy eager earnest easy elated elegant epic exact fair famous fancy festive fine firm fluent fond frank free fresh friendly gallant gentle gifted glad golden good grand great happy hardy hearty helpful honest hopeful humble ideal jolly jovial keen kind lively logical loving loyal lucid lucky mellow merry mild modest neat nice nimble noble open patient peaceful placid pleasant polite proud prudent quick quiet quirky rapid ready relaxed serene sharp shiny simple sincere sleepy smart snug sober solid sound steady stoic sunny swift tender thrifty tidy tranquil trusty upbeat valiant vibrant vivid warm wise witty zealous zen'.split(
    ' ',
  );

/** People of science and engineering. */
const surnames =
  'abel agnesi albattani archimedes ardinghelli aryabhata babbage banach bardeen bartik bassi bell bernoulli bhabha blackwell bohr boole bose boyd brahmagupta brattain brown buck burnell cannon carson cartwright cerf chandrasekhar chatelet chebyshev clarke cori cray curie darwin davinci diffie dijkstra driscoll eccles edison einstein elgamal elion engelbart euclid euler faraday feistel fermat fermi feynman franklin galileo galois gates gauss germain goldberg goldstine goldwasser golick goodall haibt hamilton hawking heisenberg hellman hermann herschel hertz hodgkin hopper hugle hypatia jackson jang jennings jepsen joliot jones kalam kare keldysh keller kepler khayyam khorana kilby kirch knuth kowalevski lalande lamarr lamport leakey leavitt lederberg lehmann lewin liskov lovelace lumiere mahavira margulis matsumoto maxwell mayer mccarthy mcclintock mclaren mclean mcnulty meitner mendel mendeleev meninsky merkle mestorf mirzakhani montalcini moore morse moser murdock neumann newton nightingale nobel noether northcutt noyce panini pare pascal pasteur payne perlman pike poincare poitras proskuriakova ptolemy raman ramanujan rhodes ride ritchie robinson roentgen rosalind rubin saha sammet sanderson satoshi shamir shannon shaw shirley shockley shtern sinoussi snyder solomon spence stonebraker sutherland swanson swartz swirles taussig tesla tharp thompson torvalds tu turing varahamihira vaughan visvesvaraya volhard wescoff wilbur wiles williams wilson wing wozniak wright wu yalow yonath zhukovsky'.split(
    ' ',
  );

const pick = (list: readonly string[]): string => list[randomInt(list.length)]!;

/** `adjective_surname`, with a digit when `taken` has all that were tried. */
export function randomName(taken: (name: string) => boolean): string {
  for (let attempt = 0; attempt < 6; attempt++) {
    const name = `${pick(adjectives)}_${pick(surnames)}${attempt === 0 ? '' : randomInt(10)}`;
    if (!taken(name)) return name;
  }
  return `${pick(adjectives)}_${pick(surnames)}_${randomInt(2 ** 47).toString(36)}`;
}
