/** Given by the bundler: the values compiled into the image. */
declare module 'noos:env-values' {
  const values: Record<string, string | number | boolean>;
  export default values;
}
