package httpapi

import (
	"context"

	"missioncontrol/auth"
	"missioncontrol/commands"
)

// SignIn proves who a person is from its Authorization header.
type SignIn interface {
	// Verify returns the person, or auth.ErrUnauthorized.
	Verify(ctx context.Context, authorization string) (commands.Identity, error)
	// Forget tells whoever vouches for people that one is gone; identity is
	// the ID that Verify returned.
	Forget(ctx context.Context, identity string) error
}

// LocalSignIn is the mode with one shared token and one person.
type LocalSignIn struct{ Token auth.Local }

// Verify implements SignIn.
func (l LocalSignIn) Verify(_ context.Context, authorization string) (commands.Identity, error) {
	return commands.LocalIdentity(), l.Token.Verify(authorization)
}

// Forget implements SignIn: nobody else knows the person.
func (LocalSignIn) Forget(context.Context, string) error { return nil }

// ClerkSignIn is the mode in which Clerk vouches for people.
type ClerkSignIn struct{ Clerk *auth.Clerk }

// Verify implements SignIn. What the token does not say of a person is asked
// of Clerk when it is needed.
func (s ClerkSignIn) Verify(ctx context.Context, authorization string) (commands.Identity, error) {
	claims, err := s.Clerk.Verify(ctx, authorization)
	if err != nil {
		return commands.Identity{}, err
	}
	return commands.Identity{
		ID: claims.Subject, Email: claims.Email, Name: claims.Name, Auth: "clerk",
		EmailVerified: claims.EmailVerified != nil && *claims.EmailVerified,
		Profile: func(ctx context.Context) (commands.Vouched, error) {
			p, err := s.Clerk.Profile(ctx, claims.Subject)
			return commands.Vouched{Email: p.Email, EmailVerified: p.EmailVerified, Name: p.Name}, err
		},
	}, nil
}

// Forget implements SignIn.
func (s ClerkSignIn) Forget(ctx context.Context, identity string) error {
	return s.Clerk.DeleteUser(ctx, identity)
}
