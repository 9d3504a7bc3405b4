import { AppError } from '../../app-error.ts';
import { AgentError, type AgentSession, openAgent } from '../../qemu/guest-agent.ts';
import { askFacts } from './guest-facts.ts';
import type { VmRun } from './vm-run.ts';
import { pathsOf, recordOf, runOf, type VmsContext } from './vms.context.ts';

export interface AgentState {
  readonly state: 'ready' | 'absent' | 'unknown';
  /** In words. */
  readonly reason: string;
}

export interface GuestAgents {
  /** Asks the agent, if there is one. */
  state(vmId: string): Promise<AgentState>;
  /** The channel takes one client, so one after the other. Throws `AgentError`, and `vm-not-running`. */
  withAgent<Result>(vmId: string, work: (session: AgentSession) => Promise<Result>): Promise<Result>;
  /** What is known of the guest may be old: asks again in the background. */
  freshen(vmId: string): void;
}

const pingMs = 3_000;
/** A guest that has just opened the channel may get its address a little later. */
const askAgainMs = [0, 5_000, 30_000] as const;
const factsAreFreshMs = 60_000;

const absent =
  'No guest agent answers. Install “qemu-guest-agent” in the guest and start it; it needs no network.';

/** Whether somebody has opened the channel in the guest: QEMU knows, also when we came later. */
const learnChannel = async (run: VmRun): Promise<void> => {
  const devices = await run.monitors.control.execute('query-chardev');
  run.agent = devices.find(({ label }) => label === 'agent')?.['frontend-open'] ?? run.agent;
};

export const createGuestAgents = (context: VmsContext): GuestAgents => {
  const turns = new Map<string, Promise<unknown>>();

  const withAgent = <Result>(
    vmId: string,
    work: (session: AgentSession) => Promise<Result>,
  ): Promise<Result> => {
    const turn = async (): Promise<Result> => {
      const record = recordOf(context, vmId);
      runOf(context, record);
      const session = await openAgent(pathsOf(context, record).sockets.agent);
      try {
        return await work(session);
      } finally {
        session.close();
      }
    };
    const next = (turns.get(vmId) ?? Promise.resolve()).then(turn);
    const settled = next.then(
      () => {},
      () => {},
    );
    turns.set(vmId, settled);
    void settled.then(() => {
      if (turns.get(vmId) === settled) turns.delete(vmId);
    });
    return next;
  };

  const learnFacts = async (vmId: string): Promise<void> => {
    const run = context.runs.get(vmId);
    if (run === undefined || run.agent !== true || turns.has(vmId)) return;
    const { facts } = run;
    run.factsAt = performance.now();
    run.facts = await withAgent(vmId, askFacts);
    if (JSON.stringify(run.facts) !== JSON.stringify(facts)) context.changed(vmId);
  };
  const learnQuietly = (vmId: string): void => void learnFacts(vmId).catch(() => {});

  context.agentListeners.push((vmId) => {
    for (const wait of askAgainMs) setTimeout(() => learnQuietly(vmId), wait).unref();
  });
  context.liveListeners.push((vmId) => {
    const run = context.runs.get(vmId);
    if (run === undefined || run.agent !== null) return;
    void learnChannel(run).then(
      () => learnQuietly(vmId),
      () => {},
    );
  });

  const state = async (vmId: string): Promise<AgentState> => {
    const run = context.runs.get(vmId);
    if (run === undefined || run.ended) return { state: 'absent', reason: 'The VM is off.' };
    if (run.paused) return { state: 'unknown', reason: 'The VM is paused: its guest agent cannot answer.' };
    if (run.agent === null) await learnChannel(run).catch(() => {});
    if (run.agent === false) return { state: 'absent', reason: absent };
    try {
      await withAgent(vmId, (session) => session.execute('guest-ping', pingMs));
      return { state: 'ready', reason: 'The guest agent answers.' };
    } catch (error) {
      if (!(error instanceof AgentError || error instanceof AppError)) throw error;
      return { state: 'absent', reason: absent };
    }
  };

  return {
    state,
    withAgent,
    freshen: (vmId) => {
      const run = context.runs.get(vmId);
      if (run !== undefined && performance.now() - run.factsAt > factsAreFreshMs) learnQuietly(vmId);
    },
  };
};
