// Stands in for jsr:@std/path where jsr.io cannot be reached: an npm build of the same source, typed.
import * as path from "npm:deno-std@1.4.0/path/mod.js";

/** Joins path segments and normalises the result. */
export const join: (...paths: string[]) => string = path.join;
/** The directory part of a path. */
export const dirname: (path: string) => string = path.dirname;
