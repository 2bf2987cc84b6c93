package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"zmicroservices/context/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{
		Path:   filepath.Join(dir, "history.db"),
		Schema: []string{`CREATE TABLE samples (task TEXT, rss INTEGER)`},
		Logger: slog.Default(),
	})
	if err != nil {
		panic(err)
	}
	defer db.Close(ctx)
	go func() { _ = db.Run(ctx) }() // ends with Close

	for _, rss := range []int{17, 19, 18} {
		db.Do(func(tx *store.Tx) error {
			_, err := tx.Exec(`INSERT INTO samples VALUES (?, ?)`, "ts001", rss)
			return err
		})
	}
	written := make(chan error)
	db.Barrier(func(err error) { written <- err })
	fmt.Println("written:", <-written == nil)

	rows, err := db.Read(ctx, `SELECT task, max(rss) FROM samples GROUP BY task`)
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	for rows.Next() {
		var task string
		var rss int
		if err := rows.Scan(&task, &rss); err != nil {
			panic(err)
		}
		fmt.Println(task, rss)
	}
	// Output:
	// written: true
	// ts001 19
}
