/**
 * Feature: bodies as forms, and forms as bodies.
 *
 * In: nothing. Out: registrations in http/body. Imports http/body, blob, url, encoding.
 */
import { File } from '../blob/blob.js';
import { FormData } from '../blob/form-data.js';
import { parseMultipart, serialiseMultipart } from '../blob/multipart.js';
import { decodeUtf8 } from '../encoding/utf8.js';
import { parts } from '../http/body.js';
import { URLSearchParams } from '../url/search-params.js';

parts.extractors.push((value) => {
  if (!(value instanceof FormData)) return undefined;
  const { bytes, boundary } = serialiseMultipart(value._entries);
  return { source: bytes, type: `multipart/form-data; boundary=${boundary}` };
});

parts.formDataOf = (bytes, type) => {
  const form = new FormData();
  const essence = type.split(';', 1)[0]!.trim().toLowerCase();
  if (essence === 'application/x-www-form-urlencoded') {
    for (const [name, value] of new URLSearchParams(decodeUtf8(bytes))) form.append(name, value);
    return form;
  }
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type);
  if (essence !== 'multipart/form-data' || boundary === null)
    throw new TypeError(
      'Content-Type was not one of "multipart/form-data" (with a boundary) or "application/x-www-form-urlencoded".',
    );
  for (const { name, filename, type: partType, bytes: content } of parseMultipart(
    bytes,
    boundary[1] ?? boundary[2]!,
  ))
    if (filename === undefined) form.append(name, decodeUtf8(content));
    else form.append(name, new File([content], filename, { type: partType }));
  return form;
};
