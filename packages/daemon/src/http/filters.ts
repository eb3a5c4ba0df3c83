/** The filters of a request, for handlers. May import: filters. */
export * from '../protocol/filters.js';
