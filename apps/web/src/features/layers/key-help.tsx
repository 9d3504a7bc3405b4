import { Kbd } from '@mantine/core';
import { words } from '../../lib/words.ts';
import classes from './key-help.module.css';

/** The keys of the drawing, for who does not use a mouse or would rather not. */
export function KeyHelp() {
  const { keys } = words.layers;
  return (
    <section className={classes.keys}>
      <h3>{keys.title}</h3>
      <dl>
        {keys.list.map(({ combination, meaning }) => (
          <div key={combination.join(' ')}>
            <dt>
              {combination.map((key) => (
                <Kbd key={key} size="xs">
                  {key}
                </Kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
