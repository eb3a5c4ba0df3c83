/** Modules of npm packages that come without types, as far as they are used here. */
declare module 'punycode/punycode.es6.js' {
  const punycode: { encode(text: string): string; decode(text: string): string };
  export default punycode;
}
