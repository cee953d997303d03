import config from "../deno.json" with { type: "json" };

/** This module's version, from the file that JSR reads too. */
export const VERSION: string = config.version;
