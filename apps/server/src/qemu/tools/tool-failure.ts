import { ExecaError } from 'execa';
import { AppError } from '../../app-error.ts';
import { findProgram } from '../capabilities.ts';

/** A program of the host that is not QEMU's. */
export interface HostTool {
  readonly program: string;
  /** The package that has it. */
  readonly from: string;
}

const missing = ({ program, from }: HostTool, options?: { cause: unknown }): AppError =>
  new AppError('tool-missing', `${program} is not installed. Install the package ${from}.`, {}, options);

/** Before anything is begun. */
export const demandTool = (tool: HostTool): void => {
  if (findProgram(tool.program) === null) throw missing(tool);
};

/** What a tool said when it failed, as an error of ours; whatever else was thrown stays as it is. */
export const toolFailure = (
  error: unknown,
  tool: HostTool,
  fail: (said: string, options: { cause: unknown }) => AppError,
): unknown => {
  if (!(error instanceof ExecaError)) return error;
  const options = { cause: error };
  if (error.code === 'ENOENT') return missing(tool, options);
  const said: unknown = error.stderr;
  return fail(typeof said === 'string' ? said.trim() : '', options);
};
