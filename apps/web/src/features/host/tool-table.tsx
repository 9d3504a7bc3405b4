import type { Host } from '@strata/contract';
import { words } from '../../lib/words.ts';
import classes from './tool-table.module.css';

/** Programs of the host: where they are, or what is missing without them. */
export function ToolTable({ tools }: { tools: Host['tools'] }) {
  const text = words.host;
  const byPresence = Object.entries(tools).sort(
    ([a, left], [b, right]) => Number(left.path !== null) - Number(right.path !== null) || a.localeCompare(b),
  );
  return (
    <ul className={classes.list}>
      {byPresence.map(([name, tool]) => (
        <li key={name} data-missing={tool.path === null}>
          <span className={classes.name}>
            {text.toolNames[name] ?? <code>{name}</code>}
            <span className={classes.version}>
              {tool.path === null ? text.missing : (tool.version ?? text.present)}
            </span>
          </span>
          <span className={classes.purpose}>
            {tool.path === null ? `${text.withoutIt} ${tool.purpose}` : tool.purpose}
          </span>
        </li>
      ))}
    </ul>
  );
}
