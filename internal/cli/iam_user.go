package cli

import (
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"cairn/node/admin"
)

func newUserAddCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "add USER", Short: "Add a user", Example: "  cairn iam user add alice && cairn iam key add alice", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := g.client()
			if err != nil {
				return err
			}
			var u admin.User
			if err := api.post(c.Context(), "/v1/iam/users", map[string]string{"name": args[0]}, &u); err != nil {
				return err
			}
			if g.json {
				return writeJSON(g.out, u)
			}
			_, err = fmt.Fprintf(g.out, "added user %s; give it a key with `cairn iam key add %s`\n", u.Name, u.Name)
			return err
		},
	}
}

func newUserListCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List users", Example: "  cairn iam user list", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := g.client()
			if err != nil {
				return err
			}
			var users []admin.User
			if err := api.get(c.Context(), "/v1/iam/users", &users); err != nil {
				return err
			}
			if g.json {
				return writeJSON(g.out, users)
			}
			printTable(g.out, func(w *tabwriter.Writer) {
				fmt.Fprintln(w, "USER\tCREATED\tCANONICAL ID")
				for _, u := range users {
					note := ""
					if u.Removing {
						note = " (being removed)"
					}
					fmt.Fprintf(w, "%s%s\t%s\t%s\n", u.Name, note, u.Created.Format(time.RFC3339), u.CanonicalID)
				}
			})
			return nil
		},
	}
}

func newUserRemoveCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "remove USER", Short: "Remove a user and its access keys",
		Long:    "Remove a user and its access keys. A user that owns buckets stays.",
		Example: "  cairn iam user remove alice", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.remove(c, "/v1/iam/users/"+url.PathEscape(args[0]), "user "+args[0])
		},
	}
}

// remove deletes what path names.
func (g *global) remove(c *cobra.Command, path, what string) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	var ok admin.OK
	if err := api.delete(c.Context(), path, &ok); err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, ok)
	}
	_, err = fmt.Fprintf(g.out, "removed %s\n", what)
	return err
}
