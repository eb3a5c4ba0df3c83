/** What url.ts calls of the state machine that build.mjs makes of `whatwg-url`. */

/** A URL record of the URL Standard. */
interface UrlRecord {
  scheme: string;
  username: string;
  password: string;
  host: unknown;
  port: number | null;
  path: string | string[];
  query: string | null;
  fragment: string | null;
}
declare const machine: {
  basicURLParse(
    input: string,
    options?: { baseURL?: UrlRecord | null; url?: UrlRecord; stateOverride?: string },
  ): UrlRecord | null;
  serializeURL(url: UrlRecord): string;
  serializePath(url: UrlRecord): string;
  serializeURLOrigin(url: UrlRecord): string;
  serializeHost(host: unknown): string;
  cannotHaveAUsernamePasswordPort(url: UrlRecord): boolean;
  hasAnOpaquePath(url: UrlRecord): boolean;
  setTheUsername(url: UrlRecord, username: string): void;
  setThePassword(url: UrlRecord, password: string): void;
};
export default machine;
export type { UrlRecord };
