import { Button, type ButtonProps, Menu, type MenuItemProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { ComponentPropsWithRef } from 'react';

type AnchorProps<Kit> = Kit & Omit<ComponentPropsWithRef<'a'>, keyof Kit>;

function AnchorButton(props: AnchorProps<ButtonProps>) {
  return <Button component="a" {...props} />;
}

function AnchorMenuItem(props: AnchorProps<MenuItemProps>) {
  return <Menu.Item component="a" {...props} />;
}

/** A link to one of our pages that looks like a button; typed like the router's own `Link`. */
export const LinkButton = createLink(AnchorButton);

/** The same as a line of a menu. */
export const LinkMenuItem = createLink(AnchorMenuItem);
