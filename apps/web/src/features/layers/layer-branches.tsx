import { Menu, UnstyledButton } from '@mantine/core';
import { IconGitBranch } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import type { Branch } from './branches.ts';
import classes from './layer-branches.module.css';

const most = 3;

/** Stubs of what else stands on a layer; a click goes there. */
export function LayerBranches({
  branches,
  onShow,
}: {
  branches: readonly Branch[];
  onShow: (tipId: string) => void;
}) {
  if (branches.length === 0) return null;
  const shown = branches.length > most ? branches.slice(0, most - 1) : branches;
  const rest = branches.slice(shown.length);
  return (
    <div className={classes.branches}>
      {shown.map((branch) => (
        <UnstyledButton
          key={branch.image.id}
          className={classes.stub}
          aria-label={words.layers.branches.go(branch.image.name)}
          onClick={(event) => {
            event.stopPropagation();
            onShow(branch.tipId);
          }}
        >
          <IconGitBranch size={13} aria-hidden />
          <span className={classes.name}>{words.layers.branches.stub(branch.image.name, branch.layers)}</span>
          <span aria-hidden>↗</span>
        </UnstyledButton>
      ))}
      {rest.length > 0 ? <MoreBranches branches={rest} onShow={onShow} /> : null}
    </div>
  );
}

function MoreBranches({
  branches,
  onShow,
}: {
  branches: readonly Branch[];
  onShow: (tipId: string) => void;
}) {
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <UnstyledButton className={classes.stub} onClick={(event) => event.stopPropagation()}>
          {words.layers.branches.others(branches.length)}
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className={classes.menu}>
        {branches.map((branch) => (
          <Menu.Item
            key={branch.image.id}
            onClick={(event) => {
              event.stopPropagation();
              onShow(branch.tipId);
            }}
          >
            {words.layers.branches.stub(branch.image.name, branch.layers)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
