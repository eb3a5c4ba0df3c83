/**
 * FormData (XMLHttpRequest Standard §4).
 *
 * In: entries. Out: the class. Imports blob.
 * Hand-written: the packages for it bring their own blobs and streams.
 */
import { Blob, File } from './blob.js';

export type FormDataEntryValue = string | File;

function entryValue(value: unknown, filename: string | undefined): FormDataEntryValue {
  if (!(value instanceof Blob)) return String(value).toWellFormed();
  if (value instanceof File && filename === undefined) return value;
  return new File([value], filename ?? 'blob', {
    type: value.type,
    ...(value instanceof File && { lastModified: value.lastModified }),
  });
}

export class FormData {
  _entries: [string, FormDataEntryValue][] = [];

  constructor(form?: undefined) {
    if (form !== undefined) throw new TypeError('FormData: there are no forms here, so no argument');
  }

  append(name: string, value: unknown, filename?: string): void {
    if (filename !== undefined && !(value instanceof Blob))
      throw new TypeError('FormData.append: a file name needs a Blob');
    this._entries.push([String(name).toWellFormed(), entryValue(value, filename)]);
  }

  set(name: string, value: unknown, filename?: string): void {
    if (filename !== undefined && !(value instanceof Blob))
      throw new TypeError('FormData.set: a file name needs a Blob');
    const entry: [string, FormDataEntryValue] = [String(name).toWellFormed(), entryValue(value, filename)];
    const first = this._entries.findIndex(([other]) => other === entry[0]);
    if (first < 0) this._entries.push(entry);
    else
      this._entries = this._entries
        .filter(([other], index) => other !== entry[0] || index === first)
        .with(first, entry);
  }

  get(name: string): FormDataEntryValue | null {
    return this._entries.find(([other]) => other === String(name))?.[1] ?? null;
  }

  getAll(name: string): FormDataEntryValue[] {
    return this._entries.filter(([other]) => other === String(name)).map(([, value]) => value);
  }

  has(name: string): boolean {
    return this._entries.some(([other]) => other === String(name));
  }

  delete(name: string): void {
    this._entries = this._entries.filter(([other]) => other !== String(name));
  }

  forEach(callback: (value: FormDataEntryValue, name: string, form: FormData) => void, self?: unknown): void {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries(): IterableIterator<[string, FormDataEntryValue]> {
    for (let index = 0; index < this._entries.length; index++) {
      const [name, value] = this._entries[index]!;
      yield [name, value];
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<FormDataEntryValue> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, FormDataEntryValue]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'FormData';
  }
}
