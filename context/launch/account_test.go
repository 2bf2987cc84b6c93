package launch

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zmicroservices/conf"
)

func TestAnAccountIsAsTheUserDatabaseHasIt(t *testing.T) {
	a, err := AccountOf(&conf.Process{User: "root"})
	if err != nil {
		t.Fatal(err)
	}
	if a.UID != 0 || a.GID != 0 || a.Groups[0] != 0 || a.Name != "user root" {
		t.Errorf("got %+v", a)
	}
	env := Environ(NewBase([]string{"HOME=/mine", "SHELL=/mine"}), Vars{}, append(a.Env(), conf.Env{Name: "SHELL", Value: "/its"}))
	for _, want := range []string{"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/its"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
	if a, err := AccountOf(&conf.Process{}); a != nil || err != nil || a.Env() != nil {
		t.Errorf("without user and group: got %+v, %v", a, err)
	}
}

func TestANumberNeedNotBeInTheUserDatabase(t *testing.T) {
	uid := uint32(54321)
	for ; ; uid++ { // whatever this machine's database holds, it ends
		if _, err := user.LookupId(fmt.Sprint(uid)); err != nil {
			break
		}
	}
	a, err := AccountOf(&conf.Process{User: fmt.Sprint(uid), Group: "54322"})
	if err != nil || a.UID != uid || a.GID != 54322 || !slices.Equal(a.Groups, []uint32{54322}) || a.Env() != nil {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestAGroupAloneLeavesTheUser(t *testing.T) {
	a, err := AccountOf(&conf.Process{Group: "root"})
	if err != nil || int(a.UID) != os.Getuid() || a.GID != 0 || a.Groups != nil || a.Name != "group root" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestAUsersOwnGroupGivesWayToTheOneThatIsSaid(t *testing.T) {
	a, err := AccountOf(&conf.Process{User: "nobody", Group: "12345"})
	if err != nil || a.GID != 12345 || a.Groups[0] != 12345 || slices.Contains(a.Groups, 65534) {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWhoIsNotThereIsNamedWithWhatHelps(t *testing.T) {
	for _, p := range []conf.Process{{User: "no-such-one"}, {Group: "no-such-one"}, {User: "root", Group: "no-such-one"}} {
		if _, err := AccountOf(&p); err == nil || !strings.Contains(err.Error(), "no-such-one: there is no such") || !strings.Contains(err.Error(), "add(8)") {
			t.Errorf("%+v: got %v", p, err)
		}
	}
	if _, known := UIDOf("no-such-one"); known {
		t.Error("it has a number")
	}
	doubts := Doubts("/", &conf.Task{ID: "ts001", Process: conf.Process{User: "no-such-one", UserPos: conf.Pos{File: "f", Line: 3, Column: 2}}})
	if len(doubts) != 1 || !strings.Contains(doubts[0].Error(), "f:3:2: task ts001: it could not be started here: find user no-such-one") {
		t.Errorf("doubts %v", doubts)
	}
	if uid := strconv.Itoa(os.Getuid()); uid != "0" {
		doubts = Doubts("/", &conf.Task{ID: "ts001", Process: conf.Process{User: "root"}})
		if len(doubts) != 1 || !strings.Contains(doubts[0].Error(), "only root") {
			t.Errorf("doubts %v", doubts)
		}
	}
}
