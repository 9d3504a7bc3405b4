import { ActionIcon } from '@mantine/core';
import { IconArrowsMaximize, IconMinus, IconPlus } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import classes from './forest.module.css';
import type { ZoomKey } from './forest-canvas.tsx';

const buttons = [
  { key: 'in', label: words.forest.zoomIn, Icon: IconPlus },
  { key: 'out', label: words.forest.zoomOut, Icon: IconMinus },
  { key: 'fit', label: words.forest.fit, Icon: IconArrowsMaximize },
] as const;

export function ForestControls({ onZoom }: { onZoom: (key: ZoomKey) => void }) {
  return (
    <div className={classes.controls}>
      {buttons.map(({ key, label, Icon }) => (
        <ActionIcon
          key={key}
          variant="default"
          size={32}
          aria-label={label}
          title={label}
          onClick={() => onZoom(key)}
        >
          <Icon size={16} aria-hidden />
        </ActionIcon>
      ))}
    </div>
  );
}
