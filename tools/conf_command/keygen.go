package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"zmicroservices/taskservice/keys"
)

// keygen are the options of keygen.
type keygen struct {
	options
	name, role string
	services   []string
	plain      bool
}

func newKeygen(w world) *cobra.Command {
	var o keygen
	cmd := &cobra.Command{
		Use:   "keygen DIR",
		Short: "Make the keys of a bus and of its clients",
		Long: `Make a CURVE key pair in a directory of keys: without --name the server's, for
service_context --curve DIR; with --name a client's, which is let in from then
on. A client's pair is DIR/NAME.key_secret: take it to the client, whose
--curve_key or $ZMS_CURVE it is. What the client may do is in
DIR/clients/NAME.key, and may be edited there; removing the file shuts it out.

Roles: observe subscribes; serve publishes, too, about the task services of
--services; operate does everything. Services that a context starts itself get
keys of their own, and need none from here.

With --plain DIR is a file of users for service_context --plain, and the
password comes from standard input.

Nothing is ever written over. The files are those of zmq.auth and czmq.`,
		Example: `  conf_command keygen keys
  conf_command keygen keys --name operator --role operate
  conf_command keygen keys --name pump --role serve --services ts001,ts002
  conf_command keygen users --plain --name kermit --role observe < password`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(o.services) > 0 && !cmd.Flags().Changed("role") {
				o.role = keys.Serve.String()
			}
			return runKeygen(w, o, args[0], cmd.InOrStdin())
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.name, "name", "", "make a client's pair: its name")
	f.StringVar(&o.role, "role", keys.Observe.String(), "what the client may do: observe, serve or operate")
	f.StringSliceVar(&o.services, "services", nil, "with serve: ids of the task services that it speaks for")
	f.BoolVar(&o.plain, "plain", false, "add a user of PLAIN to a file instead")
	o.registerOutput(f)
	roles := cobra.FixedCompletions([]string{"observe", "serve", "operate"}, cobra.ShellCompDirectiveNoFileComp)
	for flag, words := range map[string]cobra.CompletionFunc{
		"role":   roles,
		"output": cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		if err := cmd.RegisterFlagCompletionFunc(flag, words); err != nil {
			panic(err) // the flag does not exist
		}
	}
	return cmd
}

// made is what was made, as JSON; a contract.
type made struct {
	Name      string   `json:"name"`
	Role      string   `json:"role,omitempty"` // of a client
	Services  []string `json:"services,omitempty"`
	PublicKey string   `json:"public_key,omitempty"`
	ServerKey string   `json:"server_key,omitempty"` // of a client: its server's
	Public    string   `json:"public,omitempty"`     // path
	Secret    string   `json:"secret,omitempty"`     // path
	Users     string   `json:"users,omitempty"`      // path, with --plain
}

func runKeygen(w world, o keygen, dir string, stdin io.Reader) error {
	grant, err := o.grant()
	if err != nil {
		return err
	}
	var m made
	switch {
	case o.plain:
		m, err = addUser(w, dir, grant, stdin)
	case o.name == "":
		m, err = makePair(keys.Store(dir).CreateServer())
	default:
		m, err = makePair(keys.Store(dir).CreateClient(grant))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w (conf_command keygen %s makes the server's pair, which comes first)", err, dir)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return failed("%w: it is left as it is; remove it if nobody uses it any more", err)
	case err != nil:
		return err
	case o.json():
		return written(writeJSON(w.out, m))
	}
	return written(m.show(w.out))
}

// grant is what the options say of a client.
func (o keygen) grant() (keys.Grant, error) {
	if err := o.validate(); err != nil {
		return keys.Grant{}, err
	}
	role, err := keys.ParseRole(o.role)
	switch {
	case err != nil:
		return keys.Grant{}, fmt.Errorf("--role: %w", err)
	case len(o.services) > 0 && role != keys.Serve:
		return keys.Grant{}, fmt.Errorf("--services goes with --role serve, not with %s", role)
	case o.name == "" && o.plain:
		return keys.Grant{}, errors.New("--plain wants --name, the user's")
	case o.name == "" && (role != keys.Observe || len(o.services) > 0):
		return keys.Grant{}, errors.New("--role and --services go with --name: a server has none")
	}
	for _, id := range o.services {
		if strings.ContainsAny(id, " \t\r\n,\"'") || id == "" {
			return keys.Grant{}, fmt.Errorf("--services %q is no id of a task service", id)
		}
	}
	return keys.Grant{Name: o.name, Role: role, Services: o.services}, nil
}

func makePair(f keys.Files, err error) (made, error) {
	if err != nil {
		return made{}, err
	}
	m := made{Name: f.Certificate.Name, PublicKey: f.Certificate.Public.String(), Public: f.Public, Secret: f.Secret}
	if c := f.Certificate; !c.Server.IsZero() {
		m.Role, m.Services, m.ServerKey = c.Role.String(), c.Services, c.Server.String()
	}
	return m, nil
}

func addUser(w world, path string, g keys.Grant, stdin io.Reader) (made, error) {
	password, err := readPassword(w, stdin)
	if err != nil {
		return made{}, fmt.Errorf("read password: %w", err)
	}
	if err := keys.AddUser(path, g, password); err != nil {
		return made{}, err
	}
	return made{Name: g.Name, Role: g.Role.String(), Services: g.Services, Users: path}, nil
}

// readPassword takes a line, which a terminal does not show.
func readPassword(w world, stdin io.Reader) (string, error) {
	if f, ok := stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(w.err, "password: ")
		password, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(w.err)
		return string(password), err
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (m made) show(w io.Writer) error {
	may := m.Role
	if len(m.Services) > 0 {
		may += " " + strings.Join(m.Services, " ")
	}
	var err error
	switch {
	case m.Users != "":
		_, err = fmt.Fprintf(w, "%s: user %s may %s\n", m.Users, m.Name, may)
	case m.Role == "":
		_, err = fmt.Fprintf(w, "%s: the server's pair; it stays here\n%s: its public half, %s\n", m.Secret, m.Public, m.PublicKey)
	default:
		_, err = fmt.Fprintf(w, "%s: the pair of %s; take it there\n%s: lets it in, and says that it may %s\n", m.Secret, m.Name, m.Public, may)
	}
	return err
}
