import type { Gateway } from "./gateway.ts";

/** An operation of the local AWS refused what the application describes: the two do not fit. */
export class ProvisioningError extends Error {
  override readonly name = "ProvisioningError";
  /** The name of AWS's own error, if there was one. */
  readonly refusal: string | undefined;
  constructor(message: string, refusal?: string) {
    super(message);
    this.refusal = refusal;
  }
}

/** Calls an operation by the target of its service: what an account answers, as JSON. */
export type Call = (target: string, operation: string, input: object) => Promise<unknown>;

/** Calls an account of the local AWS as its administrator would, without a socket. */
export function caller({ gateway }: { readonly gateway: Gateway }): Call {
  return async (target, operation, input) => {
    const { status, body } = await gateway.handle({
      method: "POST",
      path: "/",
      query: {},
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `${target}.${operation}` },
      body: new TextEncoder().encode(JSON.stringify(input)),
    });
    const answer = new TextDecoder().decode(body);
    if (status >= 300) {
      const refusal = /"__type":"(?:[^"#]*#)?([^"]+)"/.exec(answer)?.[1];
      throw new ProvisioningError(`${operation} was refused: ${answer.slice(0, 500)}`, refusal);
    }
    return JSON.parse(answer === "" ? "{}" : answer);
  };
}

/** Creates what may be there already. @returns whether it was not. */
export async function unlessThere(refusal: string, create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (error instanceof ProvisioningError && error.refusal === refusal) return false;
    throw error;
  }
}

/** Keeps the secrets of an account. @returns name → ARN. @throws ProvisioningError for one whose value nobody gave. */
export async function keepSecrets(
  call: Call,
  names: readonly string[],
  values: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const arns: Record<string, string> = {};
  for (const name of names) {
    const value = values[name];
    if (value === undefined)
      throw new ProvisioningError(`The configuration names the secret ${name}, but nobody gave its value.`);
    arns[name] = await keepSecret(call, name, value);
  }
  return arns;
}

/** @returns the secret's ARN. A value that changed becomes its current version. */
async function keepSecret(call: Call, name: string, value: string): Promise<string> {
  const create = () => call("secretsmanager", "CreateSecret", { Name: name, SecretString: value });
  const isNew = await unlessThere("ResourceExistsException", create);
  const found = await call("secretsmanager", "GetSecretValue", { SecretId: name });
  if (!isNew && text(found, "SecretString") !== value)
    await call("secretsmanager", "PutSecretValue", { SecretId: name, SecretString: value });
  return text(found, "ARN");
}

function text(answer: unknown, member: string): string {
  const value =
    typeof answer === "object" && answer !== null
      ? Object.entries(answer).find(([name]) => name === member)?.[1]
      : undefined;
  if (typeof value === "string") return value;
  throw new ProvisioningError(`The local AWS answered without ${member}.`);
}
