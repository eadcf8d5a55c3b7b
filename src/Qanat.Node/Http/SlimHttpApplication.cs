using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Qanat.Node.Http;

/// <summary>An HTTP request as the node's own servers see it; reused for all requests of one connection.</summary>
internal sealed class SlimContext
{
    public DefaultHttpContext Http { get; } = new();
}

/// <summary>
/// The thinnest host under Kestrel: no middleware, no scopes, no diagnostics and no activity per request. Contexts are kept per connection.
/// </summary>
internal abstract class SlimHttpApplication : IHttpApplication<SlimContext>
{
    public SlimContext CreateContext(IFeatureCollection contextFeatures)
    {
        SlimContext context;
        if (contextFeatures is IHostContextContainer<SlimContext> container)
        {
            context = container.HostContext ??= new SlimContext();
        }
        else
        {
            context = new SlimContext();
        }
        context.Http.Initialize(contextFeatures);
        return context;
    }

    public Task ProcessRequestAsync(SlimContext context) => HandleAsync(context.Http);

    public void DisposeContext(SlimContext context, Exception? exception) => context.Http.Uninitialize();

    protected abstract Task HandleAsync(HttpContext context);
}
