import { AwsJson1_0Protocol, AwsJson1_1Protocol } from "@aws-sdk/core/protocols";
import type { $Schema, DocumentType, StaticErrorSchema, StaticOperationSchema } from "@smithy/types";
import { formOf } from "./json-form.ts";
import { AwsError, type Service } from "./service.ts";
import { checkShape, derefSchema, operationSchemas } from "./shape.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/** The wire format of one service: what its SDK client sends is read, and what it can read is written. */
export interface Codec {
  /** The operations that the service has in AWS, whether the local one implements them or not. */
  readonly operationNames: ReadonlySet<string>;
  /** Throws SerializationException for a body that is not what the operation takes, ValidationException when members are missing. */
  readInput(operationName: string, body: Uint8Array): Promise<unknown>;
  writeOutput(operationName: string, output: unknown): Uint8Array;
  writeError(error: AwsError): Uint8Array;
}

/**
 * Makes the codec of a service out of the schemas that its SDK client exports
 * (`[9, namespace, name, traits, input, output]` is an operation, `[-3, …]` an error) and the client's own
 * JSON codec. That use is not documented by the SDK: its version is pinned and tests cover each client.
 */
export function createCodec(service: Pick<Service, "target" | "protocol" | "schemas">): Codec {
  const known = made.get(service.schemas);
  if (known?.target === service.target && known.protocol === service.protocol) return known.codec;
  const codec = makeCodec(service);
  made.set(service.schemas, { target: service.target, protocol: service.protocol, codec });
  return codec;
}

/** A codec keeps nothing of what it reads and writes, so that one does for every local AWS of a process. */
const made = new WeakMap<object, Pick<Service, "target" | "protocol"> & { readonly codec: Codec }>();

function makeCodec(service: Pick<Service, "target" | "protocol" | "schemas">): Codec {
  const operations = operationSchemas(service.schemas);
  const errors = new Map<string, StaticErrorSchema>();
  for (const value of Object.values(service.schemas)) {
    if (isErrorSchema(value)) errors.set(value[2], value);
  }
  const payload = payloadCodec(service, [...operations.values()][0]?.[1] ?? "");

  const operation = (name: string): StaticOperationSchema => {
    const found = operations.get(name);
    if (found) return found;
    throw new AwsError("UnknownOperationException", `${service.target} has no operation ${name}.`);
  };

  const read = readerOf(payload.createDeserializer());
  const writers = new Map<string, (output: unknown) => Uint8Array>();

  const makeWriter = (schema: $Schema): ((output: unknown) => Uint8Array) => {
    if (isUnit(schema)) return () => encoder.encode("{}");
    const form = formOf(schema);
    return form === undefined
      ? (output) => write(schema, output)
      : (output) => encoder.encode(JSON.stringify(form(output)));
  };

  const write = (schema: $Schema, value: unknown): Uint8Array => {
    const serializer = payload.createSerializer();
    serializer.write(schema, value);
    const written: unknown = serializer.flush();
    return written instanceof Uint8Array ? written : encoder.encode(String(written ?? "{}"));
  };

  return {
    operationNames: new Set(operations.keys()),
    readInput: async (name, body) => {
      const schema = derefSchema(operation(name)[4]);
      const given = parse(body);
      checkShape(schema, given);
      if (isUnit(schema) || body.byteLength === 0) return {};
      return read(schema, given);
    },
    writeOutput: (name, output) => {
      const writer = writers.get(name) ?? makeWriter(derefSchema(operation(name)[5]));
      writers.set(name, writer);
      return writer(output ?? {});
    },
    writeError: (error) => {
      const schema = errors.get(error.name);
      const messageMember = schema?.[4].includes("Message") ? "Message" : "message";
      const members = { ...error.members, [messageMember]: error.message };
      const shaped: unknown = schema ? JSON.parse(decoder.decode(write(schema, members))) : members;
      return encoder.encode(
        JSON.stringify({ __type: error.name, message: error.message, ...Object(shaped) }),
      );
    },
  };
}

function payloadCodec(service: Pick<Service, "target" | "protocol">, defaultNamespace: string) {
  const settings = { defaultNamespace, serviceTarget: service.target };
  const protocol =
    service.protocol === "json1.0" ? new AwsJson1_0Protocol(settings) : new AwsJson1_1Protocol(settings);
  return protocol.getPayloadCodec();
}

/** The SDK's JSON deserializer reads what is parsed already, too, which its type does not say. */
function readerOf(deserializer: object): (schema: $Schema, parsed: unknown) => unknown {
  if (!("readObject" in deserializer) || typeof deserializer.readObject !== "function")
    throw new TypeError("The SDK's JSON deserializer has no readObject any more.");
  const { readObject } = deserializer;
  return (schema, parsed) => readObject.call(deserializer, schema, parsed);
}

function parse(body: Uint8Array): DocumentType {
  if (body.byteLength === 0) return {};
  let parsed: DocumentType;
  try {
    parsed = JSON.parse(strictDecoder.decode(body));
  } catch {
    throw new AwsError("SerializationException", "The body is not JSON in UTF-8; send one JSON object.");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new AwsError("SerializationException", "The body is JSON but not an object; send one JSON object.");
}

function isErrorSchema(value: unknown): value is StaticErrorSchema {
  return Array.isArray(value) && value[0] === -3 && typeof value[2] === "string" && Array.isArray(value[4]);
}

function isUnit(schema: $Schema): boolean {
  return schema === "unit" || (Array.isArray(schema) && schema[0] === 0 && schema[4] === "unit");
}
