import { Badge, Text } from '@mantine/core';
import type { AdoptedImage, AdoptPlan } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import classes from './adopt-plan-view.module.css';

/** What is in the folder, chain by chain, and what would be done with each file. */
export function AdoptPlanView({ plan }: { plan: AdoptPlan }) {
  const text = words.adopt;
  const byPath = new Map(plan.images.map((image) => [image.path, image]));
  const stored = plan.images.reduce((sum, { allocatedSize }) => sum + allocatedSize, 0);
  const broken = plan.chains.filter(({ whole }) => !whole).length;
  if (plan.images.length === 0) return <Text size="sm">{text.noImages}</Text>;
  return (
    <div className={classes.plan}>
      <Text size="sm" fw={600}>
        {text.facts(plan.images.length, plan.chains.length, stored)}
        {broken > 0 ? <span className={classes.bad}> · {text.broken(broken)}</span> : null}
        {plan.bytesToCopy > 0 ? ` · ${text.space(plan.freeSpaceNeeded, plan.freeSpace)}` : null}
      </Text>
      <h3>{text.chains}</h3>
      <ul className={classes.chains}>
        {plan.chains.map(({ paths, whole }) => (
          <li key={paths.join('\n')} className={whole ? classes.chain : classes.broken}>
            <ol>
              {paths.map((path) => (
                <Member key={path} path={path} folder={plan.path} image={byPath.get(path)} />
              ))}
            </ol>
          </li>
        ))}
      </ul>
      <Outside plan={plan} />
      {plan.unreadable.length > 0 ? (
        <>
          <h3>{text.unreadable}</h3>
          <ul>
            {plan.unreadable.map(({ message }) => (
              <li key={message} className={classes.bad}>
                {message}
              </li>
            ))}
          </ul>
        </>
      ) : null}
      <h3>{text.steps}</h3>
      <ol>
        {plan.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </div>
  );
}

const colours = { register: 'teal', copy: 'teal', move: 'teal', known: 'gray', leave: 'amber' } as const;

/** Shown as below the folder where it lies there. */
const shortPath = (path: string, folder: string): string =>
  path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;

interface MemberProps {
  path: string;
  folder: string;
  image: AdoptedImage | undefined;
}

function Member({ path, folder, image }: MemberProps) {
  const text = words.adopt;
  return (
    <li>
      <code>{shortPath(path, folder)}</code>{' '}
      {image === undefined ? null : (
        <>
          <span className={classes.muted}>
            {image.format}, <Bytes value={image.allocatedSize} />
          </span>{' '}
          <Badge size="sm" variant="light" color={colours[image.action]}>
            {text.actions[image.action]}
          </Badge>{' '}
          {image.target === null ? null : <span className={classes.muted}>{text.becomes(image.target)}</span>}
          {image.recordFormat === null ? null : (
            <div className={classes.muted}>{text.format(image.recordFormat)}</div>
          )}
          {image.why === null ? null : <div className={classes.muted}>{image.why}</div>}
          {image.problems
            .filter(({ message }) => image.why?.includes(message) !== true)
            .map(({ code, message }) => (
              <div key={code} className={classes.bad}>
                {message}
              </div>
            ))}
        </>
      )}
    </li>
  );
}

function Outside({ plan }: { plan: AdoptPlan }) {
  const text = words.adopt;
  if (plan.outside.length === 0) return null;
  return (
    <>
      <h3>{text.outsideTitle}</h3>
      <ul>
        {plan.outside.map(({ path, neededBy, action, why }) => (
          <li key={path}>
            <code>{path}</code>{' '}
            <Badge size="sm" variant="light" color={colours[action]}>
              {text.actions[action]}
            </Badge>{' '}
            <span className={classes.muted}>{why ?? text.neededBy(neededBy.length)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
