import assert from "node:assert/strict";
import { bronze, cliCommand } from "./helpers/cli.ts";
import { filesBelow } from "./helpers/local_harness.ts";
import { encryptedParquet, parquetOf } from "./helpers/parquet.ts";
import { DIRECTORY, MANIFEST, PARQUET } from "./helpers/partition.ts";

const PARTITION = ["--table", "ledgers_lcm_raw", "--start", "0", "--end", "9999"];

/** A directory for a run, with a Parquet file of ours and one of others to put. */
async function desk() {
  const root = await Deno.makeTempDir({ prefix: "bronze-store-cli-" });
  const [ours, others] = [`${root}/ours.parquet`, `${root}/others.parquet`];
  await Deno.writeFile(ours, parquetOf({ seed: 1 }));
  await Deno.writeFile(others, parquetOf({ seed: 2 }));
  const env = { LOCAL_DIR: `${root}/out` };
  return {
    root,
    ours,
    others,
    out: env.LOCAL_DIR,
    run: (args: string[], more: Record<string, string> = {}) =>
      bronze(args, { env: { ...env, ...more } }),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("dry-run prints three lines and writes two files, then is unchanged", async () => {
  await using d = await desk();
  const first = await d.run(["dry-run"]);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(
    first.stdout,
    `[storage] writing to ${d.out}/${DIRECTORY}/
[storage] wrote part-0-9999.parquet (3.3MB, sha256=3c9667e3cf32…)
[storage] wrote _manifest.json
`,
  );
  assert.deepEqual(await filesBelow(d.out), [MANIFEST, PARQUET]);
  const second = await d.run(["--dry-run"]);
  assert.equal(second.code, 0);
  assert.match(second.stdout, /^\[storage\] unchanged [^\n]*\n$/);
});

Deno.test("put publishes, refuses other content with 3, and exists, show and verify agree", async () => {
  await using d = await desk();
  assert.equal((await d.run(["put", d.ours, ...PARTITION])).code, 0);
  assert.equal((await d.run(["put", d.ours, ...PARTITION])).code, 0);
  const refused = await d.run(["put", d.others, ...PARTITION]);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /holds other content/);
  for (const command of ["exists", "show", "verify"]) {
    assert.equal((await d.run([command, ...PARTITION])).code, 0, command);
  }
  const missing = ["--table", "ledgers_lcm_raw", "--start", "5", "--end", "6"];
  for (const command of ["exists", "show", "verify"]) {
    assert.equal((await d.run([command, ...missing])).code, 4, command);
  }
});

Deno.test("put --if-missing succeeds when any complete partition is there", async () => {
  await using d = await desk();
  assert.equal((await d.run(["put", d.ours, ...PARTITION, "--if-missing"])).code, 0);
  const { code, stdout } = await d.run(["put", d.others, ...PARTITION, "--if-missing", "--json"]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).status, "exists");
  assert.deepEqual(await Deno.readFile(`${d.out}/${PARQUET}`), await Deno.readFile(d.ours));
});

Deno.test("ALLOW_OVERWRITE=true lets put replace", async () => {
  await using d = await desk();
  await d.run(["put", d.ours, ...PARTITION]);
  const { code } = await d.run(["put", d.others, ...PARTITION], { ALLOW_OVERWRITE: "true" });
  assert.equal(code, 0);
  assert.deepEqual(await Deno.readFile(`${d.out}/${PARQUET}`), await Deno.readFile(d.others));
});

Deno.test("a missing, a flipped and an edited file exit 4 or 5", async () => {
  await using d = await desk();
  await d.run(["put", d.ours, ...PARTITION]);
  const [parquet, manifest] = [`${d.out}/${PARQUET}`, `${d.out}/${MANIFEST}`];
  const bytes = await Deno.readFile(parquet);
  const text = await Deno.readTextFile(manifest);
  const store = async (path: string, content: Uint8Array | string) => {
    await Deno.remove(path).catch(() => {});
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
  };
  const status = async (command: string) => (await d.run([command, ...PARTITION])).code;

  await store(parquet, bytes.with(9, bytes[9]! ^ 1));
  assert.equal(await status("verify"), 5);
  await store(parquet, bytes.subarray(0, -1));
  assert.equal(await status("verify"), 5);
  assert.equal(await status("exists"), 5);
  await Deno.remove(parquet);
  assert.equal(await status("verify"), 5);
  await store(parquet, bytes);
  await store(manifest, text.replace('"name": "bronze-store"', '"name": "somebody"'));
  assert.equal(await status("verify"), 5);
  assert.equal(await status("show"), 5);
  await Deno.remove(manifest);
  assert.equal(await status("verify"), 4);
  assert.equal(await status("exists"), 4);
  assert.equal(await status("repair"), 0);
  assert.equal(await status("verify"), 0);
  await store(manifest, text);
  assert.equal(await status("verify"), 0);
});

Deno.test("--json prints one object and nothing else, of a failure too", async () => {
  await using d = await desk();
  const created = await d.run(["put", d.ours, ...PARTITION, "--json"]);
  const result = JSON.parse(created.stdout);
  assert.equal(result.status, "created");
  assert.equal(result.manifestChecksum, result.manifest.manifest_checksum);
  const refused = JSON.parse((await d.run(["put", d.others, ...PARTITION, "--json"])).stdout);
  assert.equal(refused.error.code, "partition_exists");
  assert.equal(refused.error.retryable, false);
  assert.equal(
    JSON.parse((await d.run(["show", ...PARTITION, "--json"])).stdout).state,
    "complete",
  );
  assert.equal(JSON.parse((await d.run(["exists", ...PARTITION, "--json"])).stdout).exists, true);
  assert.equal(JSON.parse((await d.run(["verify", ...PARTITION, "--json"])).stdout).state, "ok");
});

Deno.test("--quiet prints nothing but errors", async () => {
  await using d = await desk();
  const created = await d.run(["put", d.ours, ...PARTITION, "--quiet"]);
  assert.equal(created.stdout + created.stderr, "");
  const refused = await d.run(["put", d.others, ...PARTITION, "--quiet"]);
  assert.equal(refused.stdout, "");
  assert.match(refused.stderr, /other content/);
});

Deno.test("names come from the options, else from the environment", async () => {
  await using d = await desk();
  const env = { NETWORK: "testnet", ERA_ID: "p23_plus", VERSION_LABEL: "v2" };
  await d.run(["put", d.ours, ...PARTITION], env);
  await d.run(["put", d.ours, ...PARTITION, "--network", "futurenet", "--label", "v3"], env);
  const directories = (await filesBelow(d.out)).map((path) =>
    path.split("/").slice(0, 3).join("/")
  );
  assert.deepEqual([...new Set(directories)], ["futurenet/p23_plus/v3", "testnet/p23_plus/v2"]);
});

Deno.test("put --rows tells the rows of an encrypted footer", async () => {
  await using d = await desk();
  const file = `${d.root}/encrypted.parquet`;
  await Deno.writeFile(file, encryptedParquet());
  assert.equal((await d.run(["put", file, ...PARTITION])).code, 2);
  assert.equal((await d.run(["put", file, ...PARTITION, "--rows", "12"])).code, 0);
});

const name = (option: string, value: string) => ["put", "OURS", ...PARTITION, option, value];
const range = (start: string, end: string) => [
  "put",
  "OURS",
  "--table",
  "t",
  `--start=${start}`,
  `--end=${end}`,
];
/** Wrong calls, and what the message must name. */
const WRONG: [string[], RegExp][] = [
  [[], /command is missing/],
  [["publish"], /"publish"/],
  [["constructor"], /"constructor"/],
  [["put", ...PARTITION], /FILE/],
  [["put", "OURS", "more", ...PARTITION], /"more"/],
  [["put", "OURS", "--table", "t", "--start", "0"], /--end/],
  [["put", "OURS", "--start", "0", "--end", "1"], /--table/],
  [["put", "OURS", ...PARTITION, "--colour"], /--colour/],
  [["put", "/nowhere/file.parquet", ...PARTITION], /\/nowhere\/file\.parquet/],
  [["put", "/", ...PARTITION], /not a file/],
  ...["../x", "a/b", ".", "", "\t", "a\nb", "ü", "a:b"].map((value): [string[], RegExp] => [
    name("--network", value),
    /as network/,
  ]),
  [name("--era", "../x"), /"\.\.\/x" as era/],
  [name("--label", "a/b"), /"a\/b" as version label/],
  [range("9", "0"), /9 to 0/],
  [range("-1", "5"), /"-1"/],
  [["put", "OURS", "--table", "t", "--start", "-1", "--end", "5"], /--start/],
  [range("0.5", "5"), /"0\.5"/],
  [range("0", "4294967296"), /4294967296/],
  [range("0", "abc"), /"abc"/],
  [range("100", "200"), /holds the ledgers 0 to 2/],
  [["put", "EMPTY", ...PARTITION], /0 bytes/],
  [["put", "TEXT", ...PARTITION], /as Parquet/],
  [["put", "TRUNCATED", ...PARTITION], /truncated/],
  [["put", "TRAILING", ...PARTITION], /as Parquet/],
  [["put", "HUGE", ...PARTITION], /2147483649 bytes/],
  [["put", "OURS", ...PARTITION, "--rows", "-1"], /--rows/],
  [["put", "OURS", ...PARTITION, "--rows", "7"], /7 rows/],
  [["dry-run", "--size", "large"], /"large"/],
  [["dry-run", "--size", "1B"], /1 bytes/],
];

Deno.test("wrong input exits 2, names the value, and writes nothing", async () => {
  await using d = await desk();
  const bytes = await Deno.readFile(d.ours);
  const files: Record<string, Uint8Array> = {
    EMPTY: new Uint8Array(),
    TEXT: new TextEncoder().encode("ledger,hash\n1,abcdefgh\n"),
    TRUNCATED: bytes.subarray(0, -5),
    TRAILING: new Uint8Array([...bytes, 10]),
  };
  for (const [file, content] of Object.entries(files)) {
    await Deno.writeFile(`${d.root}/${file}`, content);
  }
  await Deno.writeFile(`${d.root}/HUGE`, new Uint8Array());
  await Deno.truncate(`${d.root}/HUGE`, 2 ** 31 + 1);
  await Deno.rename(d.ours, `${d.root}/OURS`);
  for (const [args, message] of WRONG) {
    const placed = args.map((arg) => /^[A-Z]+$/.test(arg) ? `${d.root}/${arg}` : arg);
    const { code, stdout, stderr } = await d.run(placed);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^\s+at /m, "a stack trace");
    assert.ok(stdout === "" || stdout.startsWith("[storage] failed"), stdout);
  }
  await assert.rejects(Deno.stat(d.out), Deno.errors.NotFound);
});

Deno.test("a wrong configuration exits 2", async () => {
  await using d = await desk();
  const wrong: [Record<string, string>, RegExp][] = [
    [{ STORAGE_BACKEND: "ftp" }, /"ftp"/],
    [{ ALLOW_OVERWRITE: "yes" }, /ALLOW_OVERWRITE="yes"/],
    [{ STORAGE_LOCAL_DIR: "/elsewhere" }, /STORAGE_LOCAL_DIR=\/elsewhere/],
    [{ LOCAL_DIR: d.ours }, /a file, not a directory/],
    [{ STORAGE_PREFIX: "../x" }, /"\.\."/],
  ];
  for (const [env, message] of wrong) {
    const { code, stderr } = await d.run(["dry-run"], env);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

Deno.test("--help and --version", async () => {
  await using d = await desk();
  const version = await d.run(["--version"]);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const help = await d.run(["--help"]);
  for (const command of ["dry-run", "put", "exists", "show", "verify", "repair"]) {
    assert.match(help.stdout, new RegExp(`^  ${command} `, "m"));
    const own = await d.run([command, "--help"]);
    assert.equal(own.code, 0);
    assert.match(own.stdout, new RegExp(`^Usage: bronze ${command}`));
    assert.match(own.stdout, /--json/);
  }
});

Deno.test("SIGTERM ends a publish with 143 and leaves nothing", async () => {
  await using d = await desk();
  const [command, ...args] = cliCommand(["dry-run", "--size", "200MB"]);
  const child = new Deno.Command(command!, {
    args,
    env: { LOCAL_DIR: d.out },
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (;;) {
    if ((await filesBelow(d.out).catch(() => [])).length > 0) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 143);
  assert.deepEqual(await filesBelow(d.out), []);
});
