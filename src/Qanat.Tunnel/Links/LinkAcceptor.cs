using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Qanat.Tunnel.Identity;
using Qanat.Wire;
using Qanat.Wire.Handshake;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>The acceptor's side of one connection: TLS, upgrade, link handshake, admission.</summary>
internal sealed class LinkAcceptor(
    NodeIdentity identity, LinkListenerOptions options, ILinkAdmission admission, Func<AcceptedLink, ValueTask> onLink,
    TimeProvider time, LinkMetrics metrics, ILogger logger)
{
    private readonly LinkFraming _framing = options.Kind == LinkKind.Tcp ? LinkFraming.LengthPrefixed : LinkFraming.WebSocketServer;

    /// <summary>Serves a connection until its link is handed over or it is closed. Does not throw on what a peer does.</summary>
    public async Task AcceptAsync(Socket socket, IPAddress address, PendingHandshakes.Entry entry, CancellationToken deadline)
    {
        using Activity? activity = LinkMetrics.Activities.StartActivity("qanat.link.handshake", ActivityKind.Server);
        LinkTransport? transport = null;
        StreamLink? link = null;
        bool isHandedOver = false;
        try
        {
            transport = await SecureAsync(socket, deadline).ConfigureAwait(false);
            using HandshakeChannel channel = new(transport, _framing);
            if (options.Kind == LinkKind.WebSocket && !await UpgradeAsync(transport, channel, address, deadline).ConfigureAwait(false))
            {
                return;
            }
            (LinkProof Proof, LinkAdmission Admission)? admitted = await HandshakeAsync(channel, address, entry, deadline).ConfigureAwait(false);
            if (admitted is not { } member)
            {
                activity?.SetStatus(ActivityStatusCode.Error);
                return;
            }
            activity?.SetTag("qanat.link.peer", member.Proof.PeerMid.ToString());
            metrics.Accepted(LinkRefusal.None);
            link = new StreamLink(
                transport, _framing, identity.Mid, member.Proof.PeerMid, member.Proof.Role, TimeSpan.FromSeconds(member.Admission.HeartbeatSeconds),
                options.Link, time, metrics, logger, channel.Leftover.ToArray());
            await onLink(new AcceptedLink(link, member.Proof, member.Admission)).ConfigureAwait(false);
            isHandedOver = true;
            link = null;
        }
        catch (OperationCanceledException)
        {
            metrics.AcceptFailed("Timeout");
            logger.HandshakeFailed(address, "It took too long, or gave way to others.");
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or ObjectDisposedException)
        {
            metrics.AcceptFailed("Broken");
            logger.HandshakeFailed(address, e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The receiver of links failed: one connection must not end the listener.
            logger.AdmissionFailed(e, link?.PeerMid ?? Mid.None);
        }
        finally
        {
            if (link is not null)
            {
                await link.DisposeAsync().ConfigureAwait(false);
            }
            else if (!isHandedOver)
            {
                transport?.Dispose();
                socket.Dispose();
            }
        }
    }

    private async ValueTask<LinkTransport> SecureAsync(Socket socket, CancellationToken deadline)
    {
        if (options.Certificate is null)
        {
            return new SocketTransport(socket);
        }
        SslStream tls = new(new NetworkStream(socket, ownsSocket: true));
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = options.Certificate }, deadline).ConfigureAwait(false);
            return new TlsTransport(tls, socket);
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async ValueTask<bool> UpgradeAsync(LinkTransport transport, HandshakeChannel channel, IPAddress address, CancellationToken deadline)
    {
        int status = 0;
        string key = "";
        bool isRight = await channel.ReadHeadAsync(
            (ReadOnlySpan<byte> head, out int consumed) => WebSocketUpgrade.TryReadRequest(head, options.Path, out consumed, out status, out key), deadline).ConfigureAwait(false);
        await transport.WriteAsync(isRight ? WebSocketUpgrade.WriteAccepted(key) : WebSocketUpgrade.WriteRefused(status), deadline).ConfigureAwait(false);
        if (!isRight)
        {
            metrics.AcceptFailed("NotWebSocket");
            logger.HandshakeFailed(address, $"Not a right WebSocket upgrade: answered {status}.");
            await transport.ShutdownSendAsync().ConfigureAwait(false);
        }
        return isRight;
    }

    private async ValueTask<(LinkProof Proof, LinkAdmission Admission)?> HandshakeAsync(
        HandshakeChannel channel, IPAddress address, PendingHandshakes.Entry entry, CancellationToken deadline)
    {
        byte[]? helloBytes = await channel.ReadMessageAsync(deadline).ConfigureAwait(false);
        if (helloBytes is null)
        {
            await RefuseFramingAsync(channel, address, deadline).ConfigureAwait(false);
            return null;
        }
        LinkRefusal refusal = JudgeHello(helloBytes, out LinkHello hello);
        if (refusal != LinkRefusal.None)
        {
            await RefuseAsync(channel, Mid.None, address, LinkAdmission.Refuse(refusal, LineFor(refusal)), deadline).ConfigureAwait(false);
            return null;
        }

        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        byte[] challenge = new LinkChallenge(
            LinkHandshake.Version, (int)LinkRole.Hub, identity.SubjectPublicKeyInfo.ToArray(), RandomNumberGenerator.GetBytes(LinkHandshake.NonceLength), Now())
            .Encode(helloBytes, identity.Sign);
        await channel.WriteMessageAsync(challenge, deadline).ConfigureAwait(false);

        byte[]? proofBytes = await channel.ReadMessageAsync(deadline).ConfigureAwait(false);
        if (proofBytes is null)
        {
            await RefuseFramingAsync(channel, address, deadline).ConfigureAwait(false);
            return null;
        }
        // Signatures and the directory take long: not on the thread that received, which may be the one that serves all sockets.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        Mid peer = Mid.FromSubjectPublicKeyInfo(hello.SubjectPublicKeyInfo);
        refusal = JudgeProof(helloBytes, hello, challenge, proofBytes, peer, out LinkProofMessage message);
        if (refusal != LinkRefusal.None)
        {
            await RefuseAsync(channel, Mid.None, address, LinkAdmission.Refuse(refusal, LineFor(refusal)), deadline).ConfigureAwait(false);
            return null;
        }
        entry.MarkProven();

        LinkProof proof = new(helloBytes, challenge, hello, message, address);
        LinkAdmission verdict = await admission.AdmitAsync(proof, deadline).ConfigureAwait(false);
        if (verdict.Refusal != LinkRefusal.None)
        {
            await RefuseAsync(channel, peer, address, verdict, deadline).ConfigureAwait(false);
            return null;
        }
        await channel.WriteMessageAsync(ToMessage(verdict).Encode(), deadline).ConfigureAwait(false);
        return (proof, verdict);
    }

    private LinkRefusal JudgeHello(byte[] bytes, out LinkHello hello)
    {
        if (!LinkHello.TryDecode(bytes, out hello))
        {
            return LinkRefusal.Malformed;
        }
        if (LinkHandshake.Version < hello.MinVersion || LinkHandshake.Version > hello.MaxVersion)
        {
            return LinkRefusal.UnsupportedVersion;
        }
        if (hello.Role != (int)options.PeerRole)
        {
            return LinkRefusal.WrongRole;
        }
        return options.Link.IsFresh(Now(), hello.Time) ? LinkRefusal.None : LinkRefusal.ClockSkew;
    }

    private LinkRefusal JudgeProof(byte[] helloBytes, LinkHello hello, byte[] challenge, byte[] bytes, Mid peer, out LinkProofMessage message)
    {
        if (!LinkProofMessage.TryDecode(bytes, out message, out byte[] signedPart, out byte[] signature))
        {
            return LinkRefusal.Malformed;
        }
        byte[] attachment = LinkTranscript.AttachmentStatement(peer, identity.Mid, message.AttachmentTime);
        // This end's own key proves nothing: it would be a reflection.
        bool isProven = peer != identity.Mid
            && LinkSignature.Verify(hello.SubjectPublicKeyInfo, LinkTranscript.InitiatorStatement(helloBytes, challenge, signedPart), signature)
            && LinkSignature.Verify(hello.SubjectPublicKeyInfo, attachment, message.AttachmentSignature);
        if (!isProven)
        {
            return LinkRefusal.BadSignature;
        }
        return options.Link.IsFresh(Now(), message.AttachmentTime) ? LinkRefusal.None : LinkRefusal.ClockSkew;
    }

    private async ValueTask RefuseFramingAsync(HandshakeChannel channel, IPAddress address, CancellationToken deadline)
    {
        metrics.AcceptFailed("BadFraming");
        logger.HandshakeFailed(address, $"Broken framing: closed with {(int)channel.CloseCode}.");
        await channel.WriteCloseAsync(channel.CloseCode, deadline).ConfigureAwait(false);
    }

    private async ValueTask RefuseAsync(HandshakeChannel channel, Mid peer, IPAddress address, LinkAdmission verdict, CancellationToken deadline)
    {
        metrics.Accepted(verdict.Refusal);
        logger.Refused(peer, address, verdict.Refusal, verdict.Line);
        await channel.WriteMessageAsync(ToMessage(verdict).Encode(), deadline).ConfigureAwait(false);
        await channel.WriteCloseAsync(WebSocketCloseCode.PolicyViolation, deadline).ConfigureAwait(false);
    }

    private static LinkWelcomeMessage ToMessage(LinkAdmission verdict) => new()
    {
        Result = verdict.Refusal,
        Line = verdict.Line,
        Ticket = verdict.Ticket,
        HubTable = verdict.HubTable,
        ParticipantName = verdict.ParticipantName,
        HeartbeatSeconds = verdict.HeartbeatSeconds,
        HubName = verdict.HubName,
    };

    private string LineFor(LinkRefusal refusal) => refusal switch
    {
        LinkRefusal.UnsupportedVersion => $"This hub speaks link version {LinkHandshake.Version}.",
        LinkRefusal.WrongRole => $"This address is for links of a {options.PeerRole}.",
        LinkRefusal.ClockSkew => "The clocks differ too much; set them right.",
        LinkRefusal.BadSignature => "A signature of the handshake is wrong.",
        _ => "A handshake message is not well-formed.",
    };

    private ulong Now() => (ulong)time.GetUtcNow().ToUnixTimeMilliseconds();
}
