package cli

import "github.com/spf13/cobra"

func newIAMCommand(g *global) *cobra.Command {
	c := group("iam", "Manage users and their access keys")
	user := group("user", "Manage users")
	user.Example = "  cairn iam user add alice"
	user.AddCommand(newUserAddCommand(g), newUserListCommand(g), newUserRemoveCommand(g))
	key := group("key", "Manage access keys")
	key.Example = "  cairn iam key add alice"
	key.AddCommand(newKeyAddCommand(g), newKeyListCommand(g), newKeyRemoveCommand(g))
	c.AddCommand(user, key)
	return c
}
