import { ActionIcon, Button, Input } from '@mantine/core';
import { bootDevice, type CreateVm } from '@strata/contract';
import { IconArrowDown, IconArrowUp, IconPlus, IconX } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import classes from './boot-order.module.css';

type Order = CreateVm['boot']['order'];

export function BootOrder({ value, onChange }: { value: Order; onChange: (order: Order) => void }) {
  const text = words.hardware.boot;
  const move = (index: number, by: number) => {
    const next = [...value];
    const [device] = next.splice(index, 1);
    if (device) next.splice(index + by, 0, device);
    onChange(next);
  };
  const absent = bootDevice.options.filter((device) => !value.includes(device));
  return (
    <Input.Wrapper label={text.order}>
      {value.length === 0 ? <p className={classes.nothing}>{text.nothing}</p> : null}
      <ol className={classes.list}>
        {value.map((device, index) => (
          <li key={device} className={classes.item}>
            <span className={classes.name}>{text.devices[device]}</span>
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={index === 0}
              aria-label={text.up(text.devices[device])}
              onClick={() => move(index, -1)}
            >
              <IconArrowUp size={15} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              disabled={index === value.length - 1}
              aria-label={text.down(text.devices[device])}
              onClick={() => move(index, 1)}
            >
              <IconArrowDown size={15} aria-hidden />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={text.remove(text.devices[device])}
              onClick={() => onChange(value.filter((each) => each !== device))}
            >
              <IconX size={15} aria-hidden />
            </ActionIcon>
          </li>
        ))}
      </ol>
      <div className={classes.absent}>
        {absent.map((device) => (
          <Button
            key={device}
            size="compact-xs"
            variant="subtle"
            leftSection={<IconPlus size={13} aria-hidden />}
            onClick={() => onChange([...value, device])}
          >
            {text.add(text.devices[device])}
          </Button>
        ))}
      </div>
    </Input.Wrapper>
  );
}
