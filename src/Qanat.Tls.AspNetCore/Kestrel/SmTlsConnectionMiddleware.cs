using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Qanat.Tls.AspNetCore;

/// <summary>Does the handshake of each connection and gives the decrypted streams to what comes next.</summary>
internal sealed class SmTlsConnectionMiddleware(ConnectionDelegate next, SmTlsAcceptor acceptor, ILogger logger)
{
    public async Task OnConnectionAsync(ConnectionContext context)
    {
        IDuplexPipe transport = context.Transport;
        SmTlsConnection connection;
        try
        {
            connection = await acceptor.AcceptAsync(new DuplexPipeStream(transport), leaveInnerStreamOpen: true, context.ConnectionClosed).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException or ConnectionAbortedException or ConnectionResetException)
        {
            logger.HandshakeFailed(context.RemoteEndPoint, (e as SmTlsException)?.Code ?? "handshake-failed", e.Message);
            return;
        }
        Stream stream = connection.Stream;
        await using ConfiguredAsyncDisposable ending = stream.ConfigureAwait(false);
        SetFeatures(context, connection);
        StreamPipe pipe = new(stream, context.Features.Get<IMemoryPoolFeature>()?.MemoryPool);
        try
        {
            context.Transport = pipe;
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            context.Transport = transport;
            await pipe.CompleteAsync().ConfigureAwait(false);
        }
    }

    private static void SetFeatures(ConnectionContext context, SmTlsConnection connection)
    {
        SmTlsFeature feature = new(connection);
        context.Features.Set<ISmTlsFeature>(connection.Sm is null ? null : feature);
        context.Features.Set<ITlsConnectionFeature>(feature);
        context.Features.Set<ITlsHandshakeFeature>(feature);
        context.Features.Set<ITlsApplicationProtocolFeature>(feature);
    }

    /// <summary>The decrypted stream as pipes. Nothing is rented while nothing comes.</summary>
    private sealed class StreamPipe(Stream stream, System.Buffers.MemoryPool<byte>? pool) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(pool, leaveOpen: true, useZeroByteReads: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(pool, leaveOpen: true));

        public async ValueTask CompleteAsync()
        {
            await Input.CompleteAsync().ConfigureAwait(false);
            try
            {
                await Output.CompleteAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
            {
                // What was left to write has nowhere to go.
            }
        }
    }
}
