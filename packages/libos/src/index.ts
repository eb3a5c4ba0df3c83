/** Face of the package: see docs/architecture.md. */
export {};
