using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Cli.Diagnosis;

/// <summary>
/// Answers a peer's measurements inside the tunnel: <c>E</c> echoes blocks of 8 bytes, <c>D</c> swallows bytes and confirms the end.
/// Every peer that may have a tunnel at all may measure; what that can cost is bounded. Everything else goes to the node's own services.
/// </summary>
internal sealed class ProbeService(IStreamAcceptor services, TimeProvider time) : IStreamAcceptor
{
    /// <summary>Its name: the dot keeps it apart from every published service.</summary>
    public const string Name = "qanat.probe";

    /// <summary>Length of an echoed block, and of the confirmation.</summary>
    public const int BlockBytes = 8;

    /// <summary>Most bytes of one measurement.</summary>
    public const int MaxBytes = 16 << 20;

    private const int MaxAtOnce = 4;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(15);

    private int _running;

    public MuxResetReason Authorize(Mid peerMid, string service)
    {
        if (service != Name)
        {
            return services.Authorize(peerMid, service);
        }
        // Only a look: what is authorised here need not be served in the end.
        return Volatile.Read(ref _running) < MaxAtOnce ? MuxResetReason.None : MuxResetReason.TooManyConnections;
    }

    public async Task ServeAsync(ConnectionContext connection, string service)
    {
        if (service != Name)
        {
            await services.ServeAsync(connection, service);
            return;
        }
        using CancellationTokenSource limit = new(s_limit, time);
        try
        {
            if (Interlocked.Increment(ref _running) > MaxAtOnce)
            {
                connection.Features.Get<ITunnelPeerFeature>()?.Reset(MuxResetReason.TooManyConnections);
                return;
            }
            await AnswerAsync(connection.Transport, limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Took too long, or the peer is gone: the connection ends with this method.
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private static async Task AnswerAsync(IDuplexPipe transport, CancellationToken cancellationToken)
    {
        byte? kind = null;
        long bytes = 0;
        while (bytes <= MaxBytes)
        {
            ReadResult read = await transport.Input.ReadAsync(cancellationToken);
            ReadOnlySequence<byte> rest = read.Buffer;
            if (kind is null && !rest.IsEmpty)
            {
                kind = rest.FirstSpan[0];
                rest = rest.Slice(1);
            }
            bytes += rest.Length;
            if (kind == (byte)'E')
            {
                ReadOnlySequence<byte> blocks = rest.Slice(0, rest.Length - (rest.Length % BlockBytes));
                bytes -= rest.Length - blocks.Length;
                foreach (ReadOnlyMemory<byte> piece in blocks)
                {
                    await transport.Output.WriteAsync(piece, cancellationToken);
                }
                transport.Input.AdvanceTo(blocks.End, rest.End);
            }
            else
            {
                transport.Input.AdvanceTo(rest.End);
            }
            if (read.IsCompleted)
            {
                break;
            }
        }
        if (kind == (byte)'D')
        {
            await transport.Output.WriteAsync(new byte[BlockBytes], cancellationToken);
        }
    }
}
