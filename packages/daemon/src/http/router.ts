/**
 * Finds the route of a request: literal paths first, then patterns in the order of registration.
 *
 * In: routes. Out: a look-up. May import: route.
 */
import type { ApiVersion, Route } from './route.js';

export interface Match {
  route: Route;
  params: Readonly<Record<string, string>>;
}

export type Router = (method: string, path: string, version: ApiVersion) => Match | undefined;

interface Pattern {
  route: Route;
  expression: RegExp;
  names: readonly string[];
}

const escapeText = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function compile(route: Route): Pattern {
  const names: string[] = [];
  const source = route.path
    .split('/')
    .map((segment) => {
      if (!/^[:*]/.test(segment)) return escapeText(segment);
      names.push(segment.slice(1));
      // Names of links have a slash, names of images several.
      return '(.+)';
    })
    .join('/');
  return { route, expression: new RegExp(`^${source}$`), names };
}

/** Makes the look-up; `GET` routes answer HEAD only when one of that method is registered, as Docker's do. */
export function createRouter(routes: readonly Route[]): Router {
  const literal = new Map<string, Route>();
  const patterns = new Map<string, Pattern[]>();
  for (const route of routes) {
    if (/\/[:*]/.test(route.path)) {
      const list = patterns.get(route.method) ?? [];
      patterns.set(route.method, list);
      list.push(compile(route));
    } else literal.set(`${route.method} ${route.path}`, route);
  }
  const serves = (route: Route, version: ApiVersion): boolean => version >= (route.since ?? 0);
  return (method, path, version) => {
    const exact = literal.get(`${method} ${path}`);
    if (exact !== undefined && serves(exact, version)) return { route: exact, params: {} };
    for (const { route, expression, names } of patterns.get(method) ?? []) {
      const match = expression.exec(path);
      if (match !== null && serves(route, version))
        return { route, params: Object.fromEntries(names.map((name, index) => [name, match[index + 1]!])) };
    }
    return undefined;
  };
}
