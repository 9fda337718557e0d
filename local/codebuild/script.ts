import { type Buildspec, type PhaseName, phaseNames } from "./buildspec.ts";

/**
 * The shell script of a build. Commands run one after another in one shell, as in CodeBuild 0.2: folders and
 * variables last. A failed command ends its phase; `finally` runs all the same; a failed phase ends the build
 * after `post_build`, which still runs when `build` failed.
 * @param mark begins the lines by which the script tells where it is; a build cannot guess it before it runs.
 */
export function script(spec: Buildspec, mark: string): string {
  const lines = [`SPILLWAY_MARK=${quote(mark)}`, "SPILLWAY_FAILED=0", "export CODEBUILD_BUILD_SUCCEEDING=1"];
  for (const name of phaseNames) {
    const phase = spec.phases[name];
    if (phase === undefined) continue;
    const NAME = name.toUpperCase();
    // As in AWS: post_build runs after a failed build phase, but nothing runs after a failed install or pre_build.
    const condition = name === "post_build" ? '[ "$SPILLWAY_FAILED" != stop ]' : '[ "$SPILLWAY_FAILED" = 0 ]';
    lines.push(
      `if ${condition}; then`,
      `printf '%s\\n' "$SPILLWAY_MARK"'begin ${NAME}'`,
      "SPILLWAY_STATUS=0",
      "SPILLWAY_COMMAND=",
    );
    for (const command of phase.commands) lines.push(...run(command));
    for (const command of phase.finally) lines.push(...run(command, true));
    lines.push(`printf '%s\\n' "$SPILLWAY_MARK""end ${NAME} $SPILLWAY_STATUS $SPILLWAY_COMMAND"`);
    if (phase.onFailure === "ABORT")
      lines.push(
        'if [ "$SPILLWAY_STATUS" != 0 ]; then',
        `  SPILLWAY_FAILED=${name === "build" ? "1" : "stop"}; export CODEBUILD_BUILD_SUCCEEDING=0`,
        "fi",
      );
    lines.push("fi");
  }
  for (const name of spec.exportedVariables.filter((one) => /^\w+$/.test(one)))
    lines.push(`printf '%s\\n' "$SPILLWAY_MARK""export ${name} $${name}"`);
  lines.push('[ "$SPILLWAY_FAILED" = 0 ]');
  return `${lines.join("\n")}\n`;
}

/** Runs one command unless an earlier one of the phase failed; a `finally` command runs regardless. */
function run(command: string, always = false): string[] {
  const first = command.trim().split("\n")[0] ?? "";
  return [
    ...(always ? [] : ['if [ "$SPILLWAY_STATUS" = 0 ]; then']),
    `printf '%s\\n' ${quote(`[Container] Running command ${first}`)}`,
    `eval ${quote(command)} </dev/null 2>&1`,
    "SPILLWAY_LAST=$?",
    `if [ "$SPILLWAY_LAST" != 0 ] && [ "$SPILLWAY_STATUS" = 0 ]; then SPILLWAY_STATUS=$SPILLWAY_LAST; SPILLWAY_COMMAND=${quote(first)}; fi`,
    ...(always ? [] : ["fi"]),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

type Mark =
  | { readonly kind: "begin"; readonly phase: Uppercase<PhaseName> }
  | {
      readonly kind: "end";
      readonly phase: Uppercase<PhaseName>;
      readonly exitStatus: number;
      readonly command: string;
    }
  | { readonly kind: "export"; readonly name: string; readonly value: string };

/** Reads a line by which the script tells where it is; undefined for what a command printed. */
export function phaseMark(line: string, mark: string): Mark | undefined {
  if (!line.startsWith(mark)) return undefined;
  const [kind, name = "", ...rest] = line.slice(mark.length).split(" ");
  if (kind === "export") return { kind, name, value: rest.join(" ") };
  const phase = phaseNames.map((one) => one.toUpperCase()).find((one) => one === name);
  if (phase !== "INSTALL" && phase !== "PRE_BUILD" && phase !== "BUILD" && phase !== "POST_BUILD")
    return undefined;
  if (kind === "begin") return { kind, phase };
  if (kind === "end") return { kind, phase, exitStatus: Number(rest[0]), command: rest.slice(1).join(" ") };
  return undefined;
}
