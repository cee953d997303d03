// Prints the registry of jsr: packages: jsr.io where it answers within a second, else the stand-in here.
// With the argument "outside" a copy of the stand-in, since `deno publish` refuses one inside the package.
const JSR = "https://jsr.io/";

const reached = await fetch(`${JSR}@std/path/meta.json`, { signal: AbortSignal.timeout(1000) })
  .then(async (response) => {
    await response.body?.cancel();
    return response.ok;
  })
  .catch(() => false);
console.log(
  reached ? JSR : Deno.args[0] === "outside" ? await copied() : import.meta.resolve("./"),
);

async function copied(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "bronze-store-jsr-" });
  for (const name of ["fs", "crypto", "path"]) {
    const [from, to] = [
      new URL(`./@std/${name}`, import.meta.url).pathname,
      `${copy}/@std/${name}`,
    ];
    await Deno.mkdir(`${to}/1.0.0`, { recursive: true });
    for (const file of ["meta.json", "1.0.0_meta.json", "1.0.0/mod.ts"]) {
      await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
    }
  }
  return `file://${copy}/`;
}
