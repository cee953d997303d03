import { ModelStore, type Promises, type Step } from "./model_driver.ts";
import type { BlobDriver } from "../../src/drivers/driver.ts";

/** A process of a scenario: what it does with its driver. Its outcome is recorded, whatever it is. */
export type Process = (driver: BlobDriver) => Promise<unknown>;

/** What is explored. */
export interface Scenario {
  promises: Promises;
  /** Fills the store before the processes begin. */
  prepare?: (driver: BlobDriver) => Promise<unknown>;
  processes: Process[];
  /** How many things may go wrong in one schedule: a crash, a lost answer, a late write, a refused connection. */
  faults: number;
  /** Checks what a reader can see; called after each step. */
  visible: (store: ModelStore) => Promise<void>;
  /** Checks what is left when all processes have ended. */
  final: (store: ModelStore, outcomes: Outcome[]) => Promise<void>;
}

/** How a process ended. */
export type Outcome = { value: unknown } | { error: unknown } | "crashed";

/** What an exploration saw. */
export interface Explored {
  schedules: number;
  states: number;
}

type Choice = { label: string; take: () => void; fault: boolean };

/** Runs every schedule of a scenario, from the beginning each time, leaving out what was seen before. */
export async function explore(scenario: Scenario): Promise<Explored> {
  const seen = new Set<string>();
  const unexplored: number[][] = [[]];
  let schedules = 0;
  for (let path; (path = unexplored.pop());) {
    schedules++;
    await new Schedule(scenario, path, seen, unexplored).run();
  }
  return { schedules, states: seen.size };
}

/** One schedule: the choices of `path`, and after them always the first. */
class Schedule {
  #scenario: Scenario;
  #path: number[];
  #seen: Set<string>;
  #unexplored: number[][];
  #store: ModelStore;
  #taken: number[] = [];
  #labels: string[] = [];
  #outcomes: (Outcome | undefined)[] = [];
  #history: string[][] = [];
  #late: { label: string; apply: () => void }[] = [];
  #faults = 0;
  #wake = () => {};

  constructor(scenario: Scenario, path: number[], seen: Set<string>, unexplored: number[][]) {
    this.#scenario = scenario;
    this.#path = path;
    this.#seen = seen;
    this.#unexplored = unexplored;
    this.#store = new ModelStore(scenario.promises);
  }

  async run(): Promise<void> {
    await this.#prepare();
    this.#scenario.processes.forEach((process, index) => this.#start(process, index));
    try {
      for (;;) {
        await this.#quiescent();
        await this.#look();
        const choices = this.#choices();
        if (choices.length === 0) break;
        if (this.#taken.length >= this.#path.length && this.#isKnown()) return;
        this.#take(choices);
      }
      await this.#scenario.final(this.#store, this.#outcomes as Outcome[]);
    } catch (error) {
      throw new Error(`After ${this.#labels.join(", ")}: ${error}`, { cause: error });
    }
  }

  async #prepare(): Promise<void> {
    const { prepare } = this.#scenario;
    if (!prepare) return;
    const driver = this.#store.driver(-1, () => this.#store.pending.pop()!.run());
    await prepare(driver);
  }

  #start(process: Process, index: number): void {
    this.#history[index] = [];
    const end = (outcome: Outcome) => {
      this.#outcomes[index] ??= outcome;
      this.#wake();
    };
    process(this.#store.driver(index, () => this.#wake())).then(
      (value) => end({ value }),
      (error) => end({ error }),
    );
  }

  /** Waits until each process has ended or waits for a step. */
  async #quiescent(): Promise<void> {
    const waits = (index: number) =>
      this.#outcomes[index] !== undefined ||
      this.#store.pending.some(({ process }) => process === index);
    while (!this.#scenario.processes.every((_, index) => waits(index))) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    // A look issues its two reads in the same turn: the second may not be here yet.
    await new Promise((resolve) => setImmediate(resolve));
    this.#store.pending.sort((a, b) => a.process - b.process || a.name.localeCompare(b.name));
  }

  /** Checks what a reader can see, once for each content of the store. */
  async #look(): Promise<void> {
    const key = `visible ${this.#store.state}`;
    if (!this.#seen.has(key)) await this.#scenario.visible(this.#store);
    this.#seen.add(key);
  }

  #choices(): Choice[] {
    const choices: Choice[] = [];
    const { pending } = this.#store;
    const add = (step: Step, kind: string, take: () => void, fault = true) =>
      choices.push({
        label: `${step.process}: ${step.name}${kind}`,
        fault,
        take: () => {
          pending.splice(pending.indexOf(step), 1);
          take();
          this.#history[step.process]?.push(`${step.name}${kind}@${this.#store.state}`);
        },
      });
    for (const step of pending) {
      add(step, "", () => step.run(), false);
      if (this.#faults >= this.#scenario.faults) continue;
      add(step, " refused", () => step.fail());
      if (!step.writes) continue;
      // A crash after a read leaves what a crash after the write before it leaves.
      add(step, " then crash", () => {
        step.runForNobody();
        this.#outcomes[step.process] = "crashed";
        for (const other of pending.filter(({ process }) => process === step.process)) {
          pending.splice(pending.indexOf(other), 1);
        }
      });
      add(step, " unanswered", () => step.runUnanswered());
      add(
        step,
        " late",
        () =>
          this.#late.push({ label: `${step.process}: ${step.name} lands`, apply: step.postpone() }),
      );
    }
    for (const late of this.#late) {
      choices.push({
        label: late.label,
        fault: false,
        take: () => {
          this.#late.splice(this.#late.indexOf(late), 1);
          late.apply();
        },
      });
    }
    return choices;
  }

  /** Takes the next choice of the path; past its end the first, noting the others for later. */
  #take(choices: Choice[]): void {
    const at = this.#taken.length;
    const index = this.#path[at] ?? 0;
    if (at >= this.#path.length) {
      for (let other = 1; other < choices.length; other++) {
        this.#unexplored.push([...this.#taken, other]);
      }
    }
    const choice = choices[index]!;
    this.#taken.push(index);
    this.#labels.push(choice.label);
    if (choice.fault) this.#faults++;
    choice.take();
  }

  /** Whether the same store, seen by processes with the same history, was met before. */
  #isKnown(): boolean {
    // What a process will do follows from what it has seen; of one that has ended only its end matters.
    const processes = this.#scenario.processes.map((_, index) => {
      const outcome = this.#outcomes[index];
      return outcome === undefined ? this.#history[index]!.toSorted() : summaryOf(outcome);
    });
    const late = this.#late.map(({ label }) => label).sort();
    const key = JSON.stringify([this.#store.state, processes, late, this.#faults]);
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    return false;
  }
}

function summaryOf(outcome: Outcome): string {
  if (outcome === "crashed") return outcome;
  if ("error" in outcome) return `${outcome.error} ${(outcome.error as { code?: string }).code}`;
  return JSON.stringify(outcome.value);
}
