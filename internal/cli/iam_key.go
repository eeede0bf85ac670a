package cli

import (
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"cairn/node/admin"
)

func newKeyAddCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "add USER", Short: "Give a user a new access key",
		Long:    "Give a user a new access key. The secret is shown this once.",
		Example: "  cairn iam key add alice >> ~/.aws/credentials", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := g.client()
			if err != nil {
				return err
			}
			var k admin.Key
			if err := api.post(c.Context(), "/v1/iam/keys", map[string]string{"user": args[0]}, &k); err != nil {
				return err
			}
			if g.json {
				return writeJSON(g.out, k)
			}
			_, err = fmt.Fprintf(g.out, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", k.User, k.ID, k.Secret)
			return err
		},
	}
}

func newKeyListCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list [USER]", Short: "List the access keys of a user, or of all",
		Example: "  cairn iam key list alice", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := g.client()
			if err != nil {
				return err
			}
			q := url.Values{}
			if len(args) == 1 {
				q.Set("user", args[0])
			}
			var keys []admin.Key
			if err := api.get(c.Context(), "/v1/iam/keys?"+q.Encode(), &keys); err != nil {
				return err
			}
			if g.json {
				return writeJSON(g.out, keys)
			}
			printTable(g.out, func(w *tabwriter.Writer) {
				fmt.Fprintln(w, "ACCESS KEY\tUSER\tCREATED")
				for _, k := range keys {
					fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.User, k.Created.Format(time.RFC3339))
				}
			})
			return nil
		},
	}
}

func newKeyRemoveCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "remove ACCESS-KEY", Short: "Remove an access key",
		Example: "  cairn iam key remove AKIA…", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.remove(c, "/v1/iam/keys/"+url.PathEscape(args[0]), "access key "+args[0])
		},
	}
}
