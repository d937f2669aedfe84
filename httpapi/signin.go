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
}

// LocalSignIn is the mode with one shared token and one person.
type LocalSignIn struct{ Token auth.Local }

// Verify implements SignIn.
func (l LocalSignIn) Verify(_ context.Context, authorization string) (commands.Identity, error) {
	return commands.LocalIdentity(), l.Token.Verify(authorization)
}

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
