/**
 * Cases that run unchanged in Node with its own Web APIs and in the engine with ours: the results must be equal.
 *
 * In: nothing. Out: the type of a table of cases. Imports nothing; the cases use only globals.
 */
export type Cases = Record<string, () => unknown>;

/** Result of a function as data; what it throws by its name. */
export async function outcome(body: () => unknown): Promise<unknown> {
  try {
    return { value: await body() };
  } catch (error) {
    return { error: (error as Error).name };
  }
}

/** Runs every case. */
export async function runCases(cases: Cases): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const [name, body] of Object.entries(cases)) results[name] = await outcome(body);
  // Through JSON, as results cross the engine's boundary.
  return JSON.parse(JSON.stringify(results));
}
