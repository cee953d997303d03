// Prints the registry of jsr: packages: jsr.io where it answers within a second, else the stand-in here.
const jsr = "https://jsr.io/";
const reached = await fetch(`${jsr}@std/path/meta.json`, { signal: AbortSignal.timeout(1000) })
  .then(async (response) => {
    await response.body?.cancel();
    return response.ok;
  })
  .catch(() => false);
console.log(reached ? jsr : import.meta.resolve("./"));
