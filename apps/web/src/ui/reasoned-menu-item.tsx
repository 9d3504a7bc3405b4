import { Menu, type MenuItemProps, Tooltip } from '@mantine/core';

interface ReasonedMenuItemProps extends MenuItemProps {
  /** Why it cannot be chosen now; null when it can. */
  reason: string | null;
  onSelect: () => void;
}

/** A menu line that says why it is grey, to the mouse, the keyboard and a screen reader. */
export function ReasonedMenuItem({ reason, onSelect, ...props }: ReasonedMenuItemProps) {
  if (reason === null) return <Menu.Item {...props} onClick={onSelect} />;
  return (
    <Tooltip label={reason} position="left" events={{ hover: true, focus: true, touch: true }}>
      <Menu.Item {...props} aria-disabled data-disabled closeMenuOnClick={false} aria-description={reason} />
    </Tooltip>
  );
}
