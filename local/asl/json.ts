/** A JSON value. States, variables and tasks exchange nothing else. */
export type Json = null | boolean | number | string | JsonArray | JsonObject;
export type JsonArray = readonly Json[];
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A JSON value together with its text, which is what histories keep and limits measure. */
export interface Payload {
  readonly value: Json;
  readonly text: string;
}

/** The most bytes of UTF-8 that a state, a task or an execution may take in or give out (256 KiB). */
export const PAYLOAD_LIMIT_BYTES = 262_144;

export function payload(value: Json): Payload {
  return { value, text: JSON.stringify(value) };
}

/** Parses `text`; throws a SyntaxError when it is not JSON. */
export function parsePayload(text: string): Payload {
  return { value: parseJson(text), text };
}

export function parseJson(text: string): Json {
  return JSON.parse(text);
}

export function isOverLimit(text: string): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8: small texts, nearly all, need no counting.
  return text.length * 3 > PAYLOAD_LIMIT_BYTES && Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: Json | undefined): value is JsonArray {
  return Array.isArray(value);
}

/** The name of a value's type as AWS writes it in error messages. */
export function typeName(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
